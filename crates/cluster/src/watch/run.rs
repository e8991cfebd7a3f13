//! The loop itself: a list or a version to begin at, watches until that version has expired, and
//! the same again.

use std::ops::ControlFlow;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, sleep, timeout};

use super::backoff;
use super::lines::{Line, Lines};
use super::list::{Limit, Page};
use super::{Collection, Event, Form, Object, Observer, Start, Status, Trouble};
use crate::chance;
use crate::client::{ApiError, Client, Refusal};

/// A list may be silent this long; API servers give up after 60 s.
const LIST_TIME: Duration = Duration::from_mins(1);
/// The head of a watch's answer comes at once, unless the API server makes us queue.
const OPEN_TIME: Duration = Duration::from_secs(30);
/// The API server is asked to end each watch after a time in this range.
const WATCH_TIME: (Duration, Duration) = (Duration::from_secs(290), Duration::from_secs(350));
/// An API server that sends bookmarks sends one a minute. Silence for longer than this means that
/// nobody is there any more.
const SILENCE_BETWEEN_BOOKMARKS: Duration = Duration::from_secs(150);
/// One that sends none is given the time of the watch, and this much more.
const SILENCE_AFTER_END: Duration = Duration::from_secs(10);
/// A watch that ends earlier, without having said anything, was no watch.
const SHORTEST_LIFE: Duration = Duration::from_secs(1);

/// A collection about to be watched.
#[derive(Debug)]
pub struct Watch {
    client: Client,
    collection: Collection,
    start: Start,
    status: Status,
}

impl Watch {
    /// Asks for nothing yet.
    pub fn new(client: Client, collection: Collection, start: Start) -> Self {
        Self {
            client,
            collection,
            start,
            status: Status::default(),
        }
    }

    /// How it is doing, before and while it runs.
    pub fn status(&self) -> Status {
        self.status.clone()
    }

    /// Runs until the observer breaks, and gives what it broke at. Dropping the future ends it too.
    pub async fn run<O: Observer>(self, observer: &mut O) -> Trouble {
        let mut run = Run {
            watch: self,
            observer,
            streak: 0,
            logged: None,
            bookmarks: false,
        };
        match run.forever().await {
            ControlFlow::Break(trouble) => trouble,
        }
    }
}

struct Run<'o, O> {
    watch: Watch,
    observer: &'o mut O,
    /// Failures since a watch worked.
    streak: u32,
    /// The code of the trouble that the log knows of; 0 for trouble without one.
    logged: Option<u16>,
    /// Whether this API server sends bookmarks.
    bookmarks: bool,
}

impl<O: Observer> Run<'_, O> {
    async fn forever(&mut self) -> ControlFlow<Trouble, std::convert::Infallible> {
        let mut start = self.watch.start;
        loop {
            let mut version = self.begin(start).await?;
            // After a gap the observer needs the list, whether it wanted one at first or not.
            start = Start::Listed(self.watch.collection.form);
            loop {
                let Err(trouble) = self.watch(&mut version).await else {
                    continue;
                };
                let gap = matches!(trouble, Trouble::Gap(_));
                self.wait_out(trouble).await?;
                if gap {
                    break;
                }
            }
        }
    }

    /// The version to watch from, as often as it takes to get one.
    async fn begin(&mut self, start: Start) -> ControlFlow<Trouble, String> {
        loop {
            let version = match start {
                Start::Listed(form) => self.list(form).await,
                Start::Now => self.present_version().await,
            };
            match version {
                Ok(version) => return ControlFlow::Continue(version),
                Err(error) => self.wait_out(Trouble::List(error)).await?,
            }
        }
    }

    /// The version of a list is that of its snapshot, whatever part of it is fetched.
    async fn present_version(&mut self) -> Result<String, ApiError> {
        let mut page = self.page(Form::Metadata, Limit::ONE, None).await?;
        while self.arrives(&mut page).await? {
            while page.item()?.is_some() {}
        }
        let (list, _) = page.finish(Limit::ONE)?;
        version(list.resource_version)
    }

    async fn list(&mut self, form: Form) -> Result<String, ApiError> {
        self.observer.event(Event::Listing).await;
        let (mut first, mut next, mut limit) = (None, None, Limit::first());
        loop {
            let mut page = self.page(form, limit, next.as_deref()).await?;
            while self.arrives(&mut page).await? {
                while let Some(item) = page.item()? {
                    match Object::read(item) {
                        Ok(object) => self.observer.event(Event::Listed(object)).await,
                        Err(error) => self.skip(&error.to_string()),
                    }
                }
            }
            let (list, next_limit) = page.finish(limit)?;
            limit = next_limit;
            next = list.next.filter(|token| !token.is_empty());
            first = first.or(list.resource_version);
            if next.is_none() {
                break;
            }
        }
        let version = version(first)?;
        self.observer.event(Event::Synced).await;
        Ok(version)
    }

    async fn page(&self, form: Form, limit: Limit, next: Option<&str>) -> Result<Page, ApiError> {
        let path = self.watch.collection.page(limit.get(), next);
        let client = self.watch.client.within(LIST_TIME);
        client.open(&path, form.accept_list()).await.map(Page::new)
    }

    async fn arrives(&self, page: &mut Page) -> Result<bool, ApiError> {
        let more = timeout(LIST_TIME, page.arrives()).await;
        self.watch.status.message();
        more.unwrap_or(Err(ApiError::Timeout(LIST_TIME)))
    }

    /// One watch; `Ok` at its orderly end.
    async fn watch(&mut self, version: &mut String) -> Result<(), Trouble> {
        let time = chance::between(WATCH_TIME.0, WATCH_TIME.1);
        let path = self.watch.collection.watch(version, time);
        let client = self.watch.client.within(OPEN_TIME);
        let answer = client
            .open(&path, self.watch.collection.form.accept_watch())
            .await;
        let mut lines = Lines::new(answer.map_err(watch_trouble)?);
        self.watch.status.opened();

        let opened = Instant::now();
        let mut messages = 0_u64;
        let ended = loop {
            let line = match self.next(&mut lines, time).await {
                Ok(Some(line)) => line,
                Ok(None) => break Ok(()),
                Err(trouble) => break Err(trouble),
            };
            if let Err(trouble) = self.line(&line, version).await {
                break Err(trouble);
            }
            messages += 1;
            self.worked();
        };
        if messages == 0 && opened.elapsed() < SHORTEST_LIFE {
            if ended.is_ok() {
                // That is allowed, but not to be repeated without a pause.
                self.streak = self.streak.saturating_add(1);
                sleep(backoff::pause(self.streak)).await;
            }
            return ended;
        }
        self.worked();
        ended
    }

    async fn next(&mut self, lines: &mut Lines, time: Duration) -> Result<Option<Bytes>, Trouble> {
        let silence = if self.bookmarks {
            SILENCE_BETWEEN_BOOKMARKS
        } else {
            time + SILENCE_AFTER_END
        };
        loop {
            // After trouble a watch that lives counts, even if there is nothing to be told.
            let unproven = self.streak > 0;
            let patience = if unproven { SHORTEST_LIFE } else { silence };
            match timeout(patience, lines.next()).await {
                Ok(Ok(line)) => {
                    self.watch.status.message();
                    return Ok(line);
                }
                Ok(Err(error)) => return Err(Trouble::Broken(error.to_string())),
                Err(_) if unproven => self.worked(),
                Err(_) => return Err(Trouble::Broken(format!("it was silent for {silence:?}"))),
            }
        }
    }

    /// Tells the observer, and only then moves the version to go on from.
    async fn line(&mut self, line: &[u8], version: &mut String) -> Result<(), Trouble> {
        let (event, seen) = match Line::read(line) {
            Ok(Line::Added(object)) => (Some(Event::Added(object.clone())), object.version),
            Ok(Line::Modified(object)) => (Some(Event::Modified(object.clone())), object.version),
            Ok(Line::Deleted(object)) => (Some(Event::Deleted(object.clone())), object.version),
            Ok(Line::Bookmark(object)) => {
                self.bookmarks = true;
                (None, object.version)
            }
            Ok(Line::Error(refusal)) => return Err(watch_trouble(ApiError::Refused(refusal))),
            Err(words) => {
                self.skip(&words);
                return Ok(());
            }
        };
        if let Some(event) = event {
            self.observer.event(event).await;
        }
        if !seen.is_empty() && *seen != **version {
            seen.as_ref().clone_into(version);
        }
        Ok(())
    }

    /// A watch works: what went wrong before is over.
    fn worked(&mut self) {
        self.streak = 0;
        if self.logged.take().is_some() {
            tracing::info!(path = self.watch.collection.path, "Watching again.");
        }
    }

    async fn wait_out(&mut self, trouble: Trouble) -> ControlFlow<Trouble> {
        self.streak = self.streak.saturating_add(1);
        self.watch.status.trouble(&trouble);
        self.log(&trouble);
        if self.observer.trouble(&trouble, self.streak).is_break() {
            return ControlFlow::Break(trouble);
        }
        sleep(backoff::wait(&trouble, self.streak)).await;
        ControlFlow::Continue(())
    }

    /// Once per trouble, not per try. That a connection ends now and then is no trouble.
    fn log(&mut self, trouble: &Trouble) {
        let path = &self.watch.collection.path;
        if self.streak == 1 && matches!(trouble, Trouble::Broken(_)) {
            tracing::debug!(path, error = %trouble, "Watching again from where it was.");
        } else if self.logged != Some(trouble.code().unwrap_or(0)) {
            self.logged = Some(trouble.code().unwrap_or(0));
            tracing::warn!(path, error = %trouble, "A collection is not watched; trying again.");
        }
    }

    fn skip(&self, words: &str) {
        let path = &self.watch.collection.path;
        tracing::warn!(
            path,
            error = words,
            "An object that cannot be read is skipped."
        );
    }
}

fn version(version: Option<String>) -> Result<String, ApiError> {
    let version = version.filter(|version| !version.is_empty());
    version.ok_or_else(|| ApiError::Unreadable("the list has no resourceVersion".to_owned()))
}

/// A refused watch is a gap if its version is to blame: real API servers say so in an ERROR event,
/// aggregated ones may do so with an HTTP status.
fn watch_trouble(error: ApiError) -> Trouble {
    match &error {
        ApiError::Refused(refusal) if blames_version(refusal) => Trouble::Gap(error),
        _ => Trouble::Watch(error),
    }
}

fn blames_version(refusal: &Refusal) -> bool {
    match refusal.code {
        401 | 403..=405 | 429 => false,
        // The rest of the request is always the same and right.
        400..=499 => true,
        // After etcd was restored: the version is of a future that did not happen.
        _ => {
            matches!(&*refusal.reason, "Expired" | "Gone")
                || refusal.message.contains("Too large resource version")
        }
    }
}
