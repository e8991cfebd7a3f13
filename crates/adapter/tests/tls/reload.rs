//! Which anchors are looked at again, and when: `adapter-runtime.md` 3.2, 3.5.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::{Arc, Mutex};

use adapter::tls::{ExtraRoots, Trust};

use crate::sink::{Authority, Sink};
use crate::{Place, UNKNOWN, builder, client, send, within};

// V20 (h)
#[tokio::test]
async fn a_bundle_that_appears_later_counts_at_the_next_connection() {
    within(async {
        let ca = Authority::new("ca");
        let sink = Sink::start(&ca.identity(|_| {})).await;
        let place = Place::new();
        let client = client(place.trust(&[]).client_config(None), &sink);
        assert_eq!(send(&client, &sink).await.unwrap_err(), UNKNOWN);
        fs::create_dir(place.0.path().join("certs")).unwrap();
        fs::write(place.0.path().join("certs/any.name"), ca.pem()).unwrap();
        send(&client, &sink).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_projected_volume_is_followed_through_its_swaps() {
    within(async {
        let (old, new) = (Authority::new("old"), Authority::new("new"));
        let old_sink = Sink::start(&old.identity(|_| {})).await;
        let new_sink = Sink::start(&new.identity(|_| {})).await;
        let place = Place::new();
        let certs = place.0.path().join("certs");
        let trust = place.trust(&[]);
        let to_old = client(trust.client_config(None), &old_sink);
        let to_new = client(trust.client_config(None), &new_sink);

        fs::create_dir(&certs).unwrap();
        project(&certs, "..2026_01_01_00_00_00.1", &old.pem());
        symlink("..data/bundle.pem", certs.join("bundle.pem")).unwrap();
        send(&to_old, &old_sink).await.unwrap();
        assert_eq!(send(&to_new, &new_sink).await.unwrap_err(), UNKNOWN);

        project(&certs, "..2026_01_02_00_00_00.2", &new.pem());
        fs::remove_dir_all(certs.join("..2026_01_01_00_00_00.1")).unwrap();
        assert_eq!(send(&to_old, &old_sink).await.unwrap_err(), UNKNOWN);
        send(&to_new, &new_sink).await.unwrap();
    })
    .await;
}

// 3.5: open connections live on, even if their CA was removed.
#[tokio::test]
async fn a_removed_authority_leaves_open_connections_alone() {
    within(async {
        let ca = Authority::new("ca");
        let sink = Sink::start(&ca.identity(|_| {})).await;
        let place = Place::new();
        fs::create_dir(place.0.path().join("certs")).unwrap();
        fs::write(place.0.path().join("certs/ca.crt"), ca.pem()).unwrap();
        let trust = place.trust(&[]);
        let open = builder(trust.client_config(None), &sink).build().unwrap();
        send(&open, &sink).await.unwrap();
        fs::remove_file(place.0.path().join("certs/ca.crt")).unwrap();
        send(&open, &sink).await.unwrap();
        assert_eq!(sink.seen().len(), 1, "one connection");
        let fresh = client(trust.client_config(None), &sink);
        assert_eq!(send(&fresh, &sink).await.unwrap_err(), UNKNOWN);
    })
    .await;
}

#[tokio::test]
async fn system_roots_come_from_the_variables_and_are_read_once() {
    within(async {
        let (one, two) = (Authority::new("one"), Authority::new("two"));
        let first = Sink::start(&one.identity(|_| {})).await;
        let second = Sink::start(&two.identity(|_| {})).await;
        let place = Place::new();
        let root = place.0.path();
        fs::create_dir(root.join("dir")).unwrap();
        fs::write(root.join("one.pem"), one.pem()).unwrap();
        fs::write(root.join("dir/two.pem"), two.pem()).unwrap();
        let dirs = format!("/nonexistent:{}", root.join("dir").display());
        let file = root.join("one.pem");
        let variables = [
            ("SSL_CERT_FILE", file.to_str().unwrap()),
            ("SSL_CERT_DIR", dirs.as_str()),
        ];
        let trust = place.trust(&variables);
        for sink in [&first, &second] {
            send(&client(trust.client_config(None), sink), sink)
                .await
                .unwrap();
        }
        fs::remove_file(file).unwrap();
        send(&client(trust.client_config(None), &first), &first)
            .await
            .unwrap();
    })
    .await;
}

// 3.2, item 3: ConfigMaps, kept by a watch.
#[tokio::test]
async fn bundles_from_elsewhere_count_and_can_be_withdrawn() {
    within(async {
        #[derive(Debug, Default)]
        struct Watched(Mutex<Arc<Vec<Vec<u8>>>>);
        impl ExtraRoots for Watched {
            fn bundles(&self) -> Arc<Vec<Vec<u8>>> {
                Arc::clone(&self.0.lock().unwrap())
            }
        }
        let ca = Authority::new("ca");
        let sink = Sink::start(&ca.identity(|_| {})).await;
        let watched = Arc::new(Watched::default());
        let trust = Trust::new(Place::new().settings(&[]), Some(watched.clone()));
        let client = client(trust.client_config(None), &sink);
        assert_eq!(send(&client, &sink).await.unwrap_err(), UNKNOWN);
        *watched.0.lock().unwrap() = Arc::new(vec![ca.pem().into_bytes()]);
        send(&client, &sink).await.unwrap();
        *watched.0.lock().unwrap() = Arc::default();
        assert_eq!(send(&client, &sink).await.unwrap_err(), UNKNOWN);
    })
    .await;
}

#[tokio::test]
async fn a_ca_of_one_sink_does_not_count_for_another() {
    within(async {
        let (one, two) = (Authority::new("one"), Authority::new("two"));
        let sink = Sink::start(&one.identity(|_| {})).await;
        let trust = Place::new().trust(&[]);
        let right = client(trust.client_config(Some(&one.pem())), &sink);
        let wrong = client(trust.client_config(Some(&two.pem())), &sink);
        send(&right, &sink).await.unwrap();
        assert_eq!(send(&wrong, &sink).await.unwrap_err(), UNKNOWN);
    })
    .await;
}

/// One step of what the kubelet does: a directory of its own, then the link to it swapped.
fn project(certs: &Path, version: &str, pem: &str) {
    fs::create_dir(certs.join(version)).unwrap();
    fs::write(certs.join(version).join("bundle.pem"), pem).unwrap();
    symlink(version, certs.join("..data_tmp")).unwrap();
    fs::rename(certs.join("..data_tmp"), certs.join("..data")).unwrap();
}
