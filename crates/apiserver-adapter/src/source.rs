//! The `source` attribute: the API server's URL exactly as client-go spells it
//! (apiserversource.md 3.2), because Triggers compare it as text.

use cluster::client::Access;

/// The `source` of every event from this API server.
pub fn of(access: &Access) -> &str {
    without_query(access.server())
}

/// A kubeconfig's `server` as written, without query and fragment. In a cluster there is neither.
fn without_query(server: &str) -> &str {
    server.find(['?', '#']).map_or(server, |end| &server[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kubeconfig_server_stays_as_written() {
        for (server, source) in [
            ("https://10.0.0.1:6443", "https://10.0.0.1:6443"),
            ("https://10.0.0.1", "https://10.0.0.1"),
            ("https://10.0.0.1/", "https://10.0.0.1/"),
            ("https://Host:443", "https://Host:443"),
            (
                "https://h/k8s/clusters/c-1?x=1#y",
                "https://h/k8s/clusters/c-1",
            ),
            ("http://127.0.0.1:8001#frag", "http://127.0.0.1:8001"),
        ] {
            assert_eq!(without_query(server), source);
        }
    }
}
