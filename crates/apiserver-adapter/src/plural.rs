//! Resource names guessed from kinds, as the stock controller guesses them, and how a wrong guess
//! still finds its resource (apiserversource.md 3.3).

use crate::text;

/// The resource name that Go's `UnsafeGuessKindToResource` makes of a kind.
///
/// It is what subjects contain even where it is wrong (`Gateway` gives `gatewaies`), because that
/// is what Triggers filter on. No kind, no name.
pub fn guess(kind: &str) -> String {
    let singular = text::lower_str(kind);
    if singular.is_empty() || singular.ends_with("endpoints") {
        return singular;
    }
    if singular.ends_with('s') {
        return singular + "es";
    }
    match singular.strip_suffix('y') {
        Some(stem) => format!("{stem}ies"),
        None => singular + "s",
    }
}

/// One entry of a discovery document (`APIResource`), as far as it is needed here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Served<'a> {
    /// The resource name, `pods`; with a `/` for a sub-resource, `pods/log`.
    pub name: &'a str,
    /// The kind, `Pod`.
    pub kind: &'a str,
}

/// The place in `served` of the resource that the configuration means by `wanted`.
///
/// The one of that exact name if there is one, else the first whose kind gives that name when
/// guessed: the controller writes guesses, and upstream watches nothing where they are wrong
/// (knative/eventing#1660). Sub-resources never match.
pub fn find(wanted: &str, served: &[Served<'_>]) -> Option<usize> {
    served
        .iter()
        .position(|resource| resource.name == wanted)
        .or_else(|| {
            served
                .iter()
                .position(|resource| !resource.name.contains('/') && guess(resource.kind) == wanted)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_give_the_plurals_of_the_stock_controller() {
        for (kind, plural) in [
            ("Pod", "pods"),
            ("Ingress", "ingresses"),
            ("NetworkPolicy", "networkpolicies"),
            ("Gateway", "gatewaies"),
            ("Mesh", "meshs"),
            ("Endpoints", "endpoints"),
            ("MyEndpoints", "myendpoints"),
            ("DNS", "dnses"),
            ("Y", "ies"),
            ("S", "ses"),
            ("", ""),
        ] {
            assert_eq!(guess(kind), plural, "{kind}");
        }
    }

    #[test]
    fn a_wrong_guess_finds_its_resource_by_kind() {
        let served = [
            Served {
                name: "gateways/status",
                kind: "Gateway",
            },
            Served {
                name: "gateways",
                kind: "Gateway",
            },
            Served {
                name: "meshes",
                kind: "Mesh",
            },
            Served {
                name: "pods",
                kind: "Pod",
            },
        ];
        assert_eq!(find("pods", &served), Some(3));
        assert_eq!(find("gatewaies", &served), Some(1));
        assert_eq!(find("meshs", &served), Some(2));
        assert_eq!(find("gateways", &served), Some(1));
        assert_eq!(find("foos", &served), None);
        assert_eq!(find("", &served), None);
    }

    #[test]
    fn the_exact_name_wins_over_a_kind_that_guesses_to_it() {
        let served = [
            Served {
                name: "others",
                kind: "Foo",
            },
            Served {
                name: "foos",
                kind: "Legacy",
            },
        ];
        assert_eq!(find("foos", &served), Some(1));
    }
}
