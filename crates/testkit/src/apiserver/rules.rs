//! What the account of the program under test may do.

use super::call::Call;

/// One line of a role.
#[derive(Clone, Debug)]
pub struct Rule {
    group: String,
    resource: String,
    verbs: Vec<String>,
    namespace: Option<String>,
}

impl Rule {
    /// `verbs` are separated by blanks; a group, resource or verb of `*` is any.
    pub fn new(group: &str, resource: &str, verbs: &str) -> Self {
        Self {
            group: group.to_owned(),
            resource: resource.to_owned(),
            verbs: verbs.split_whitespace().map(str::to_owned).collect(),
            namespace: None,
        }
    }

    /// In this namespace only.
    #[must_use]
    pub fn within(mut self, namespace: &str) -> Self {
        self.namespace = Some(namespace.to_owned());
        self
    }

    /// What the stock role grants to the `PingSource` adapter (`pingsource.md` 1.5).
    pub fn of_ping_source_adapter() -> Vec<Self> {
        vec![
            Self::new("", "configmaps", "get list watch"),
            Self::new("", "serviceaccounts/token", "create"),
            Self::new("sources.knative.dev", "pingsources", "get list watch patch"),
            Self::new(
                "sources.knative.dev",
                "pingsources/status",
                "get list watch patch",
            ),
            Self::new("sources.knative.dev", "pingsources/finalizers", "patch"),
            Self::new("", "events", "create patch"),
            Self::new(
                "coordination.k8s.io",
                "leases",
                "get list watch create update patch",
            ),
        ]
    }

    pub(super) fn allows(
        &self,
        group: &str,
        resource: &str,
        verb: &str,
        namespace: Option<&str>,
    ) -> bool {
        let is = |rule: &str, asked: &str| rule == "*" || rule == asked;
        is(&self.group, group)
            && is(&self.resource, resource)
            && self.verbs.iter().any(|granted| is(granted, verb))
            && (self.namespace.is_none() || self.namespace.as_deref() == namespace)
    }
}

/// Discovery and access reviews are open to every account.
pub(super) fn allow(rules: &[Rule], call: &Call) -> bool {
    let Some(target) = call.target() else {
        return true;
    };
    if target.group() == "authorization.k8s.io" {
        return true;
    }
    let (resource, namespace) = (target.in_role(), target.namespace.as_deref());
    rules
        .iter()
        .any(|rule| rule.allows(target.group(), &resource, call.verb(), namespace))
}
