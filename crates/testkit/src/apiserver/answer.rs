//! What the API server answers to a request: the routes, and the verbs on objects.

use std::sync::Arc;

use serde_json::{Value, json};

use super::call::{Call, Target};
use super::fault::{Act, Fault};
use super::page::Rest;
use super::selector::Selector;
use super::state::{Shared, State};
use super::status::Status;
use super::store::{Stored, metadata_only};
use super::stream::{self, Stream};
use super::{discovery, rules, store};

/// An answer, to be carried by sockets or by a test's own transport.
pub enum Answer {
    /// A whole one.
    Whole {
        /// The status code.
        status: u16,
        /// Headers besides the length.
        headers: Vec<(String, String)>,
        /// The body.
        body: Vec<u8>,
    },
    /// The head of a watch, status 200, with what follows.
    Watch(Stream),
    /// None, ever.
    Silence,
    /// A broken connection.
    Reset,
}

impl Answer {
    fn json(status: u16, body: &impl ToString) -> Self {
        let headers = vec![("Content-Type".to_owned(), "application/json".to_owned())];
        Self::Whole {
            status,
            headers,
            body: body.to_string().into_bytes(),
        }
    }
}

impl From<Status> for Answer {
    fn from(status: Status) -> Self {
        Self::json(status.code, &status.json())
    }
}

/// What happens to a call.
pub(super) fn answer(shared: &Arc<Shared>, call: &Call, fault: Option<Fault>) -> Answer {
    let mut state = shared.state();
    match fault.map(|fault| fault.act) {
        Some(Act::Hang) => return Answer::Silence,
        Some(Act::Reset) => return Answer::Reset,
        Some(Act::Status { code, retry_after }) => {
            let mut answer = Answer::from(Status::of(code));
            if let (Answer::Whole { headers, .. }, Some(seconds)) = (&mut answer, retry_after) {
                headers.push(("Retry-After".to_owned(), seconds.to_string()));
            }
            return answer;
        }
        Some(Act::Lose) => {
            let _ = routed(shared, &mut state, call);
            drop(state);
            shared.changed();
            return Answer::Reset;
        }
        Some(Act::Answer) | None => {}
    }
    let answer = routed(shared, &mut state, call).unwrap_or_else(Answer::from);
    drop(state);
    if call.method != "GET" {
        shared.changed();
    }
    answer
}

fn routed(shared: &Arc<Shared>, state: &mut State, call: &Call) -> Result<Answer, Status> {
    if state
        .rules
        .as_ref()
        .is_some_and(|rules| !rules::allow(rules, call))
    {
        state.forbidden.push(call.clone());
        let words = format!("{} of {} is forbidden", call.verb(), call.path);
        return Err(Status::new(403, "Forbidden", words));
    }
    if state.scripts.contains_key(&call.path) && call.method == "GET" {
        return scripted(shared, state, call);
    }
    let Some(target) = call.target() else {
        return discovery::answer(state, &call.path).map(|body| Answer::json(200, &body));
    };
    if target.plural == "selfsubjectaccessreviews" {
        return Ok(Answer::json(201, &review(state, body(call)?)));
    }
    if target.sub.as_deref() == Some("token") {
        return Ok(Answer::json(201, &token(state, body(call)?)));
    }
    if !state.store.resources.contains_key(&target.resource()) {
        let words = "the server could not find the requested resource";
        return Err(Status::new(404, "NotFound", words));
    }
    match call.verb() {
        "list" => list(state, call, &target),
        "watch" => watch(shared, state, call),
        "get" => {
            let object = found(state, &target)?;
            Ok(Answer::json(200, &in_form(call, &object)))
        }
        "create" => {
            let object = state
                .store
                .create(&target.resource(), placed(call, &target)?)?;
            Ok(Answer::json(201, &object.text))
        }
        "update" => {
            let object = state
                .store
                .replace(&target.resource(), placed(call, &target)?)?;
            Ok(Answer::json(200, &object.text))
        }
        "patch" => patch(state, call, &target),
        "delete" => {
            let (namespace, name) = names(&target);
            let object = state.store.delete(&target.resource(), namespace, name)?;
            Ok(Answer::json(200, &object.text))
        }
        _ => Err(Status::new(405, "MethodNotAllowed", call.method.clone())),
    }
}

fn body(call: &Call) -> Result<Value, Status> {
    serde_json::from_slice(&call.request.body)
        .map_err(|error| Status::new(400, "BadRequest", error.to_string()))
}

fn names(target: &Target) -> (&str, &str) {
    (
        target.namespace.as_deref().unwrap_or_default(),
        target.name.as_deref().unwrap_or_default(),
    )
}

fn found(state: &State, target: &Target) -> Result<Arc<Stored>, Status> {
    let (namespace, name) = names(target);
    let object = state.store.get(&target.resource(), namespace, name);
    object.ok_or_else(|| Status::missing(&target.plural, name))
}

fn in_form(call: &Call, object: &Stored) -> String {
    if call.wants_metadata() {
        object.metadata_only()
    } else {
        object.text.clone()
    }
}

/// The object of the body, in the namespace and with the name of the path.
fn placed(call: &Call, target: &Target) -> Result<Value, Status> {
    let mut object = body(call)?;
    for (member, wanted) in [("namespace", &target.namespace), ("name", &target.name)] {
        let Some(wanted) = wanted else { continue };
        let member = &mut object["metadata"][member];
        match member.as_str() {
            None | Some("") => *member = json!(wanted),
            Some(given) if given == wanted => {}
            Some(given) => {
                let words = format!("the path says {wanted:?} and the object {given:?}");
                return Err(Status::new(400, "BadRequest", words));
            }
        }
    }
    if object["metadata"]["name"]
        .as_str()
        .unwrap_or_default()
        .is_empty()
    {
        return Err(Status::new(422, "Invalid", "metadata.name: Required value"));
    }
    validated(&target.plural, &object)?;
    Ok(object)
}

/// What API servers check of the objects that our programs write.
fn validated(plural: &str, object: &Value) -> Result<(), Status> {
    let spec = &object["spec"];
    let wrong = match plural {
        "leases"
            if spec["leaseDurationSeconds"]
                .as_i64()
                .is_some_and(|seconds| seconds < 1) =>
        {
            "spec.leaseDurationSeconds: must be greater than 0"
        }
        "leases"
            if spec["leaseTransitions"]
                .as_i64()
                .is_some_and(|count| count < 0) =>
        {
            "spec.leaseTransitions: must be greater than or equal to 0"
        }
        "events" if object["involvedObject"]["namespace"] != object["metadata"]["namespace"] => {
            "involvedObject.namespace: does not match event.namespace"
        }
        _ => return Ok(()),
    };
    Err(Status::new(422, "Invalid", wrong))
}

fn patch(state: &mut State, call: &Call, target: &Target) -> Result<Answer, Status> {
    let mut object = found(state, target)?.value();
    let patch = body(call)?;
    let content = call.request.headers.get("content-type").unwrap_or_default();
    if !content.contains("merge-patch+json") {
        return Err(Status::new(415, "UnsupportedMediaType", content));
    }
    merge(&mut object, &patch);
    let object = state.store.replace(&target.resource(), object)?;
    Ok(Answer::json(200, &object.text))
}

/// A JSON merge patch; a strategic one is the same for everything but lists.
fn merge(object: &mut Value, patch: &Value) {
    let Value::Object(members) = patch else {
        *object = patch.clone();
        return;
    };
    if !object.is_object() {
        *object = json!({});
    }
    for (name, value) in members {
        match value {
            Value::Null => drop(
                object
                    .as_object_mut()
                    .and_then(|object| object.remove(name)),
            ),
            value => merge(&mut object[name], value),
        }
    }
}

fn list(state: &mut State, call: &Call, target: &Target) -> Result<Answer, Status> {
    let resource = target.resource();
    let served = state.store.resources[&resource].clone();
    let built_in = !target.group().contains('.') || target.group().ends_with(".k8s.io");
    let selector =
        Selector::read(&call.query).map_err(|words| Status::new(400, "BadRequest", words))?;
    let is_wanted = |object: &&Arc<Stored>| {
        let mut namespace = target.namespace.iter();
        namespace.all(|only| *only == object.namespace) && selector.matches(object)
    };
    let begun = state.rest(call)?;
    let rest = begun.unwrap_or_else(|| {
        let items = state.store.list(&resource).filter(is_wanted).cloned();
        Rest::all(state.store.version(), items)
    });
    let text = move |object: &Arc<Stored>, metadata: bool| match (metadata, built_in) {
        (true, _) => object.metadata_only(),
        (false, true) => object.item(),
        (false, false) => object.text.clone(),
    };
    let (version, items, next) = state.page(call, rest);
    let metadata = call.wants_metadata();
    let items: Vec<String> = items.iter().map(|object| text(object, metadata)).collect();
    let kind = (format!("{}List", served.kind), target.group_version.clone());
    Ok(Answer::json(
        200,
        &whole_list(kind, metadata, &version, next.as_deref(), &items),
    ))
}

fn whole_list(
    (kind, api_version): (String, String),
    metadata: bool,
    version: &str,
    next: Option<&str>,
    items: &[String],
) -> String {
    let (kind, api_version) = if metadata {
        (
            "PartialObjectMetadataList".to_owned(),
            "meta.k8s.io/v1".to_owned(),
        )
    } else {
        (kind, api_version)
    };
    let next = next
        .map(|token| format!(r#","continue":"{token}""#))
        .unwrap_or_default();
    format!(
        r#"{{"kind":"{kind}","apiVersion":"{api_version}","metadata":{{"resourceVersion":"{version}"{next}}},"items":[{}]}}"#,
        items.join(",")
    )
}

fn watch(shared: &Arc<Shared>, state: &mut State, call: &Call) -> Result<Answer, Status> {
    if call.query.contains_key("sendInitialEvents") {
        return Err(Status::new(
            422,
            "Invalid",
            "sendInitialEvents is forbidden for watch",
        ));
    }
    if let Some(status) = stream::expired(state, &call.query) {
        return Err(status);
    }
    let selector =
        Selector::read(&call.query).map_err(|words| Status::new(400, "BadRequest", words))?;
    let stream = Stream::of_store(shared, state, call, selector);
    Ok(Answer::Watch(stream.cut(state.taken_cut(&call.path))))
}

fn scripted(shared: &Arc<Shared>, state: &mut State, call: &Call) -> Result<Answer, Status> {
    let script = state.scripts.get_mut(&call.path).expect("looked up before");
    if call.is_watch() {
        if call.query.contains_key("sendInitialEvents") {
            return Err(Status::new(
                422,
                "Invalid",
                "sendInitialEvents is forbidden for watch",
            ));
        }
        let number = script.watch()?;
        let stream = Stream::of_script(shared, state, call, number);
        return Ok(Answer::Watch(stream.cut(state.taken_cut(&call.path))));
    }
    let (version, kind, api_version, items) = script.list()?;
    let metadata = call.wants_metadata();
    let items = items.iter().map(|item| {
        if metadata {
            metadata_only(item)
        } else {
            item.to_string()
        }
    });
    let items: Vec<String> = items.collect();
    let kind = (format!("{kind}List"), api_version);
    Ok(Answer::json(
        200,
        &whole_list(kind, metadata, &version, None, &items),
    ))
}

fn token(state: &mut State, mut request: Value) -> Value {
    state.tokens += 1;
    let asked = request["spec"]["expirationSeconds"]
        .as_u64()
        .unwrap_or(3600);
    let seconds = state.token_seconds.unwrap_or(asked);
    request["status"] = json!({
        "token": format!("tok-{}", state.tokens),
        "expirationTimestamp": store::after(seconds),
    });
    request
}

fn review(state: &State, mut review: Value) -> Value {
    let asked = review["spec"]["resourceAttributes"].clone();
    let text = |name: &str| asked[name].as_str().unwrap_or_default();
    let namespace = Some(text("namespace")).filter(|namespace| !namespace.is_empty());
    let allowed = state.rules.as_ref().is_none_or(|rules| {
        rules
            .iter()
            .any(|rule| rule.allows(text("group"), text("resource"), text("verb"), namespace))
    });
    review["status"] = json!({ "allowed": allowed });
    review
}
