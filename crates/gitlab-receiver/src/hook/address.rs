//! From a project's or a group's URL to the addresses of GitLab's API.
//!
//! Pure. People paste what their browser shows, so tails and endings are cut; an empty path, on
//! which the stock controller panics, is refused. Contract: `gitlabsource.md` 7 item 1, D25.

use url::Url;

/// Whose hook it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// One project.
    Project,
    /// A group with all its projects; Premium and Ultimate only.
    Group,
}

/// Where the hooks of a project or a group are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// Whose they are.
    pub scope: Scope,
    /// `group/project`, decoded; or a numeric id.
    pub path: String,
    /// The instance, without `/api/v4`.
    instance: Url,
}

/// Why a URL names no project.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Not an absolute http or https URL.
    #[error("it is not an http or https URL")]
    NotUrl,
    /// Nothing behind the host.
    #[error("it names no project or group behind the host")]
    NoPath,
    /// The instance's sub-path is not where the project's URL starts.
    #[error("it is not an address of the instance in GITLAB_API_URL")]
    OtherInstance,
}

impl Address {
    /// Reads the URL of a project or group, and that of the instance if it is under a sub-path.
    pub fn parse(scope: Scope, url: &str, instance: Option<&str>) -> Result<Self, AddressError> {
        let url = absolute(url)?;
        let mut names = names(&url);
        let mut root = url;
        root.set_path("/");
        if let Some(instance) = instance {
            root = absolute(instance)?;
            let mut base = self::names(&root);
            if base.ends_with(&["api".to_owned(), "v4".to_owned()]) {
                base.truncate(base.len() - 2);
            }
            names = names
                .strip_prefix(&base[..])
                .ok_or(AddressError::OtherInstance)?
                .to_vec();
            set(&mut root, &base);
        }
        // A group's page is at /groups/<path>, its address at /<path>.
        if scope == Scope::Group && names.len() > 1 && names[0] == "groups" {
            names.remove(0);
        }
        if names.is_empty() {
            return Err(AddressError::NoPath);
        }
        Ok(Self {
            scope,
            path: names.join("/"),
            instance: root,
        })
    }

    /// The collection of hooks.
    pub fn hooks(&self) -> Url {
        let scope = match self.scope {
            Scope::Project => "projects",
            Scope::Group => "groups",
        };
        let mut url = self.instance.clone();
        extend(&mut url, ["api", "v4", scope, &self.path, "hooks"]);
        url
    }

    /// One hook.
    pub fn hook(&self, id: u64) -> Url {
        let mut url = self.hooks();
        extend(&mut url, [id.to_string().as_str()]);
        url
    }
}

fn absolute(text: &str) -> Result<Url, AddressError> {
    let mut url = Url::parse(text.trim()).map_err(|_| AddressError::NotUrl)?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(AddressError::NotUrl);
    }
    url.set_query(None);
    url.set_fragment(None);
    // Credentials in a URL are not for the API.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    Ok(url)
}

/// The path's names, decoded, without a `/-/…` tail and without `.git`.
fn names(url: &Url) -> Vec<String> {
    let segments = url.path_segments().into_iter().flatten();
    let mut names: Vec<String> = segments
        .take_while(|segment| *segment != "-")
        .filter(|segment| !segment.is_empty())
        .map(decoded)
        .collect();
    if let Some(last) = names.last_mut()
        && let Some(bare) = last.strip_suffix(".git").filter(|bare| !bare.is_empty())
    {
        *last = bare.to_owned();
    }
    names
}

fn decoded(segment: &str) -> String {
    // `form_urlencoded` would turn a plus sign into a blank, so that one is kept by hand.
    let pairs = format!("x={}", segment.replace('+', "%2B"));
    let mut pairs = url::form_urlencoded::parse(pairs.as_bytes());
    pairs
        .next()
        .map_or_else(|| segment.to_owned(), |(_, value)| value.into_owned())
}

fn set(url: &mut Url, names: &[String]) {
    url.set_path("/");
    extend(url, names.iter().map(String::as_str));
}

/// Adds segments; a slash inside one becomes `%2F`, as the API wants the path of a project.
fn extend<'a>(url: &mut Url, names: impl IntoIterator<Item = &'a str>) {
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().extend(names);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hooks(scope: Scope, url: &str, instance: Option<&str>) -> Result<String, AddressError> {
        Address::parse(scope, url, instance).map(|address| address.hooks().into())
    }

    #[test]
    fn what_people_paste_is_understood() {
        let wanted = "https://git.example:8443/api/v4/projects/a%2Fb%2Fc.d/hooks";
        for url in [
            "https://git.example:8443/a/b/c.d",
            "https://git.example:8443/a/b/c.d/",
            "https://git.example:8443/a/b/c.d//",
            "https://git.example:8443/a/b/c.d.git",
            "https://git.example:8443/a/b/c.d/-/issues/7?x=1#note",
            "https://git.example:8443/a/b/c.d?ref=x",
            "https://user:word@git.example:8443/a/%62/c.d",
        ] {
            assert_eq!(hooks(Scope::Project, url, None).unwrap(), wanted, "{url}");
        }
        let address = Address::parse(Scope::Project, "http://git.example/123", None).unwrap();
        assert_eq!(
            address.hook(9).as_str(),
            "http://git.example/api/v4/projects/123/hooks/9"
        );
        assert_eq!(
            hooks(Scope::Project, "https://git.example/a/x+%C3%BC", None).unwrap(),
            "https://git.example/api/v4/projects/a%2Fx+%C3%BC/hooks"
        );
    }

    #[test]
    fn groups_and_instances_under_a_path() {
        let wanted = "https://git.example/api/v4/groups/a%2Fb/hooks";
        for url in [
            "https://git.example/a/b",
            "https://git.example/groups/a/b/-/hooks",
        ] {
            assert_eq!(hooks(Scope::Group, url, None).unwrap(), wanted);
        }
        for instance in [
            "https://git.example/gitlab",
            "https://git.example/gitlab/api/v4/",
        ] {
            assert_eq!(
                hooks(
                    Scope::Project,
                    "https://git.example/gitlab/a/b",
                    Some(instance)
                )
                .unwrap(),
                "https://git.example/gitlab/api/v4/projects/a%2Fb/hooks"
            );
        }
    }

    #[test]
    fn what_names_nothing_is_refused() {
        let project = |url, instance| hooks(Scope::Project, url, instance).unwrap_err();
        for url in [
            "https://git.example",
            "https://git.example/",
            "https://git.example/-/x",
        ] {
            assert_eq!(project(url, None), AddressError::NoPath, "{url}");
        }
        for url in ["", "git.example/a/b", "ssh://git@git.example/a/b"] {
            assert_eq!(project(url, None), AddressError::NotUrl, "{url}");
        }
        let instance = Some("https://git.example/gitlab");
        assert_eq!(
            project("https://git.example/a/b", instance),
            AddressError::OtherInstance
        );
    }
}
