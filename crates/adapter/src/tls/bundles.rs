//! Trust anchors from files: the system's, read once, and the mounted bundles, re-read when
//! something changed since the last handshake. Also the door for bundles from elsewhere.
//! Contract: `adapter-runtime.md` 3.2, 3.5; `containersource-heartbeats.md` 3.4.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::Settings;
use super::anchors::Anchors;

/// Larger files are ignored; a `ConfigMap`, hence a bundle, is at most 1 MiB.
const MAX_FILE_BYTES: u64 = 8 << 20;

/// Where Linux distributions keep all their roots in one file: the first that can be read counts.
const SYSTEM_FILES: [&str; 6] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/tls/cacert.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/cert.pem",
];
/// Where they keep one file per root.
const SYSTEM_DIRS: &str = "/etc/ssl/certs:/etc/pki/tls/certs";

/// Bundles from elsewhere than a directory, such as `ConfigMap`s kept by a watch (3.2, item 3).
pub trait ExtraRoots: fmt::Debug + Send + Sync {
    /// The PEM texts of this moment, in any state: what holds no certificate is ignored.
    ///
    /// Called at every handshake. The same `Arc` means that nothing changed.
    fn bundles(&self) -> Arc<Vec<Vec<u8>>>;
}

/// The mounted bundles and [`ExtraRoots`], parsed again only after a change.
#[derive(Debug)]
pub(super) struct Bundles {
    dir: PathBuf,
    extra: Option<Arc<dyn ExtraRoots>>,
    seen: Mutex<Seen>,
}

/// What the anchors were made from, to notice that it changed.
#[derive(Debug, Default)]
struct Seen {
    files: Listing,
    texts: Arc<Vec<Vec<u8>>>,
    anchors: Arc<Anchors>,
}

impl Bundles {
    pub(super) fn new(dir: PathBuf, extra: Option<Arc<dyn ExtraRoots>>) -> Self {
        Self {
            dir,
            extra,
            seen: Mutex::default(),
        }
    }

    /// The anchors of this moment. Blocks for a `stat` per file; reads them only after a change.
    pub(super) fn current(&self) -> Arc<Anchors> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        // Listed before reading: what changes in between differs from the list next time.
        let files = list(&self.dir, Depth::All);
        let texts = self
            .extra
            .as_ref()
            .map_or_else(|| Arc::clone(&seen.texts), |it| it.bundles());
        if files != seen.files || !Arc::ptr_eq(&texts, &seen.texts) {
            let mut anchors = Anchors::default();
            read_into(&mut anchors, &files);
            for text in texts.iter() {
                anchors.add_pem(text);
            }
            if anchors.len() + seen.anchors.len() > 0 {
                tracing::info!(
                    directory = %self.dir.display(),
                    files = files.len(),
                    certificates = anchors.len(),
                    "Trust bundles read."
                );
            }
            *seen = Seen {
                files,
                texts,
                anchors: Arc::new(anchors),
            };
        }
        Arc::clone(&seen.anchors)
    }
}

/// The compiled-in roots and the system's (3.2, item 1).
pub(super) fn system(settings: &Settings) -> Anchors {
    let mut anchors = Anchors::built_in();
    let files = settings.ssl_cert_file.as_ref().map_or_else(
        || SYSTEM_FILES.iter().map(Path::new).collect(),
        |file| vec![file.as_path()],
    );
    if let Some(text) = files.into_iter().find_map(|file| fs::read(file).ok()) {
        anchors.add_pem(&text);
    }
    for dir in settings
        .ssl_cert_dir
        .as_deref()
        .unwrap_or(SYSTEM_DIRS)
        .split(':')
    {
        read_into(&mut anchors, &list(Path::new(dir), Depth::One));
    }
    anchors
}

/// Regular files by device and inode, since a projected volume shows each one twice: in its
/// `..<timestamp>` directory and as a link. With a path to read it by, and what a change changes.
type Listing = BTreeMap<(u64, u64), (PathBuf, Stamp)>;

#[derive(Debug, PartialEq, Eq)]
struct Stamp {
    size: u64,
    modified: (i64, i64),
    /// Moves even when the two above are made to look the same, or permissions change.
    changed: (i64, i64),
}

impl From<&Metadata> for Stamp {
    fn from(file: &Metadata) -> Self {
        Self {
            size: file.size(),
            modified: (file.mtime(), file.mtime_nsec()),
            changed: (file.ctime(), file.ctime_nsec()),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Depth {
    One,
    All,
}

/// What can be listed, silently without the rest. Links are followed to files, not to directories:
/// `..data` leads to one that is visited anyway, and a loop would never end.
fn list(dir: &Path, depth: Depth) -> Listing {
    let mut files = Listing::new();
    let mut open = vec![dir.to_owned()];
    while let Some(dir) = open.pop() {
        for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
            let path = entry.path();
            match (entry.file_type(), fs::metadata(&path)) {
                (Ok(kind), _) if kind.is_dir() && depth == Depth::All => open.push(path),
                (_, Ok(file)) if file.is_file() && file.len() <= MAX_FILE_BYTES => {
                    files.insert((file.dev(), file.ino()), (path, Stamp::from(&file)));
                }
                _ => {}
            }
        }
    }
    files
}

fn read_into(anchors: &mut Anchors, files: &Listing) {
    for (path, _) in files.values() {
        let file = path.display();
        match fs::read(path).map(|text| anchors.add_pem(&text)) {
            Ok(0) => tracing::debug!(%file, "No certificate in a file among the trust bundles."),
            Ok(_) => {}
            Err(error) => tracing::warn!(%file, %error, "A trust bundle could not be read."),
        }
    }
}
