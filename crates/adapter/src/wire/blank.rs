//! Messages put away: what the events of one sender have in common, for whoever keeps thousands of
//! them and sends each now and then.

use bytes::Bytes;
use http::header::{HeaderMap, HeaderName, HeaderValue};

use super::{ID, Message, TIME};

/// A message but for its id and time, in a fifth of the room: no table to look headers up in, and
/// one allocation for all that they and the body say.
#[derive(Clone, Debug)]
pub struct Blank {
    /// Each header, and where its value ends in `text`.
    headers: Box<[(HeaderName, usize)]>,
    /// The values of the headers, one behind the other, and then the body.
    text: Bytes,
}

impl Blank {
    /// Leaves the id and the time of this message open.
    pub fn of(message: &Message) -> Self {
        let mut text = Vec::new();
        let mut headers = Vec::with_capacity(message.headers().len());
        for (name, value) in message.headers() {
            if *name != ID && *name != TIME {
                text.extend_from_slice(value.as_bytes());
                headers.push((name.clone(), text.len()));
            }
        }
        text.extend_from_slice(message.body());
        Self {
            headers: headers.into(),
            // No longer than it has to be.
            text: text.into_boxed_slice().into(),
        }
    }

    /// The message with this id and time.
    pub fn fill(&self, id: HeaderValue, time: HeaderValue) -> Message {
        let mut headers = HeaderMap::with_capacity(self.headers.len() + 2);
        headers.insert(ID, id);
        let mut start = 0;
        for (name, end) in &self.headers {
            let value = self.text.slice(start..*end);
            let Ok(value) = HeaderValue::from_maybe_shared(value) else {
                unreachable!("it was the value of a header before")
            };
            headers.insert(name.clone(), value);
            start = *end;
        }
        headers.insert(TIME, time);
        let body = self.text.slice(start..);
        Message { headers, body }
    }
}
