//! Our own table of the kinds that deploy/ holds: the fields that we use, their types, and what is
//! required. A field of Kubernetes that is not here has to be added before it can be used.

mod kustomize;

use super::shape::Shape::{AnyText, Flag, List, Object, Port, Quantity, Text, Texts, Whole, Word};
use super::shape::{Field, Shape, may, must};

/// What an object of this kind looks like; `None` for one that we do not know.
pub(crate) fn shape(api_version: &str, kind: &str) -> Option<Shape> {
    KINDS
        .iter()
        .find(|(known_version, known_kind, _)| (*known_version, *known_kind) == (api_version, kind))
        .map(|(_, _, shape)| *shape)
}

const SOURCES: &str = "sources.knative.dev/v1";
const RBAC: &str = "rbac.authorization.k8s.io/v1";
const MONITORING: &str = "monitoring.coreos.com/v1";

const KINDS: &[(&str, &str, Shape)] = &[
    ("v1", "Namespace", Object(&[HEAD])),
    ("v1", "ServiceAccount", Object(&[HEAD])),
    ("v1", "ConfigMap", Object(&[HEAD, &[must("data", Texts)]])),
    (
        "v1",
        "Secret",
        Object(&[HEAD, &[must("stringData", Texts)]]),
    ),
    ("v1", "Service", Object(&[HEAD, &[must("spec", SERVICE)]])),
    (
        "apps/v1",
        "Deployment",
        Object(&[HEAD, &[must("spec", DEPLOYMENT)]]),
    ),
    ("batch/v1", "Job", Object(&[HEAD, &[must("spec", JOB)]])),
    (RBAC, "Role", Object(&[HEAD, &[must("rules", List(&RULE))]])),
    (RBAC, "RoleBinding", Object(&[HEAD, BINDING])),
    (
        "serving.knative.dev/v1",
        "Service",
        Object(&[HEAD, &[must("spec", KNATIVE_SERVICE)]]),
    ),
    (
        SOURCES,
        "PingSource",
        Object(&[HEAD, &[must("spec", PING)]]),
    ),
    (
        SOURCES,
        "ContainerSource",
        Object(&[HEAD, &[must("spec", CONTAINER_SOURCE)]]),
    ),
    (
        SOURCES,
        "ApiServerSource",
        Object(&[HEAD, &[must("spec", API_SERVER)]]),
    ),
    (
        "sources.knative.dev/v1alpha1",
        "GitLabSource",
        Object(&[HEAD, &[must("spec", GITLAB)]]),
    ),
    (
        MONITORING,
        "PrometheusRule",
        Object(&[HEAD, &[must("spec", RULES)]]),
    ),
    (
        MONITORING,
        "PodMonitor",
        Object(&[HEAD, &[must("spec", POD_MONITOR)]]),
    ),
    (
        "kustomize.config.k8s.io/v1beta1",
        "Kustomization",
        Object(&[kustomize::KUSTOMIZATION]),
    ),
    (
        "kustomize.config.k8s.io/v1alpha1",
        "Component",
        Object(&[kustomize::KUSTOMIZATION]),
    ),
];

const HEAD: &[Field] = &[
    must("apiVersion", Text),
    must("kind", Text),
    must(
        "metadata",
        Object(&[&[
            must("name", Text),
            may("namespace", Text),
            may("labels", Texts),
            may("annotations", Texts),
        ]]),
    ),
];

// Pods

const NAME_AND_KEY: Shape = Object(&[&[must("name", Text), must("key", Text)]]);
const SECRET_KEY: Shape = Object(&[&[must("secretKeyRef", NAME_AND_KEY)]]);
const VARIABLE: Shape = Object(&[&[
    must("name", Text),
    may("value", AnyText),
    may(
        "valueFrom",
        Object(&[&[
            may("fieldRef", Object(&[&[must("fieldPath", Text)]])),
            may("secretKeyRef", NAME_AND_KEY),
            may("configMapKeyRef", NAME_AND_KEY),
        ]]),
    ),
]]);
const PROBE: Shape = Object(&[&[must(
    "httpGet",
    Object(&[&[must("path", Text), may("port", Port)]]),
)]]);
const AMOUNTS: Shape = Object(&[&[must("cpu", Quantity), must("memory", Quantity)]]);
const SECURITY: Shape = Object(&[&[
    must("runAsNonRoot", Flag),
    must("readOnlyRootFilesystem", Flag),
    must("allowPrivilegeEscalation", Flag),
    must("capabilities", Object(&[&[must("drop", List(&Text))]])),
    must(
        "seccompProfile",
        Object(&[&[must("type", Word(&["RuntimeDefault"]))]]),
    ),
]]);
const CONTAINER: &[Field] = &[
    must("image", Text),
    may(
        "imagePullPolicy",
        Word(&["Always", "IfNotPresent", "Never"]),
    ),
    may("args", List(&Text)),
    may("env", List(&VARIABLE)),
    may(
        "ports",
        List(&Object(&[&[
            must("name", Port),
            must("containerPort", Port),
        ]])),
    ),
    may("readinessProbe", PROBE),
    may("livenessProbe", PROBE),
    must(
        "resources",
        Object(&[&[must("requests", AMOUNTS), must("limits", AMOUNTS)]]),
    ),
    must("securityContext", SECURITY),
];
const NAMED_CONTAINER: Shape = Object(&[CONTAINER, &[must("name", Text)]]);
const POD: &[Field] = &[
    must("containers", List(&NAMED_CONTAINER)),
    may("serviceAccountName", Text),
    must("automountServiceAccountToken", Flag),
    may("enableServiceLinks", Flag),
];
const TEMPLATE_METADATA: Field = may(
    "metadata",
    Object(&[&[may("labels", Texts), may("annotations", Texts)]]),
);
const TEMPLATE: Shape = Object(&[&[TEMPLATE_METADATA, must("spec", Object(&[POD]))]]);

const DEPLOYMENT: Shape = Object(&[&[
    may("replicas", Whole),
    must("selector", Object(&[&[must("matchLabels", Texts)]])),
    must("template", TEMPLATE),
]]);
const JOB: Shape = Object(&[&[
    may("backoffLimit", Whole),
    may("ttlSecondsAfterFinished", Whole),
    must(
        "template",
        Object(&[&[must(
            "spec",
            Object(&[POD, &[must("restartPolicy", Word(&["Never", "OnFailure"]))]]),
        )]]),
    ),
]]);
const SERVICE: Shape = Object(&[&[
    must("selector", Texts),
    must(
        "ports",
        List(&Object(&[&[
            may("name", Port),
            must("port", Port),
            must("targetPort", Port),
        ]])),
    ),
]]);
/// Serving names the container and mounts no token that nobody asks for.
const KNATIVE_SERVICE: Shape = Object(&[&[must(
    "template",
    Object(&[&[
        TEMPLATE_METADATA,
        must(
            "spec",
            Object(&[&[
                must("containers", List(&Object(&[CONTAINER]))),
                may("enableServiceLinks", Flag),
            ]]),
        ),
    ]]),
)]]);

// Rights

const RULE: Shape = Object(&[&[
    must("apiGroups", List(&AnyText)),
    must("resources", List(&Text)),
    must(
        "verbs",
        List(&Word(&[
            "get", "list", "watch", "create", "update", "patch", "delete",
        ])),
    ),
]]);
const BINDING: &[Field] = &[
    must(
        "roleRef",
        Object(&[&[
            must("apiGroup", Word(&["rbac.authorization.k8s.io"])),
            must("kind", Word(&["Role"])),
            must("name", Text),
        ]]),
    ),
    must(
        "subjects",
        List(&Object(&[&[
            must("kind", Word(&["ServiceAccount"])),
            must("name", Text),
            may("namespace", Text),
        ]])),
    ),
];

// Sources

const SINK: Field = must(
    "sink",
    Object(&[&[must(
        "ref",
        Object(&[&[
            must("apiVersion", Text),
            must("kind", Text),
            must("name", Text),
        ]]),
    )]]),
);
const OVERRIDES: Field = may("ceOverrides", Object(&[&[must("extensions", Texts)]]));
const PING: Shape = Object(&[&[
    SINK,
    OVERRIDES,
    must("schedule", Text),
    may("timezone", Text),
    may("contentType", Text),
    may("data", Text),
    may("dataBase64", Text),
]]);
const CONTAINER_SOURCE: Shape = Object(&[&[SINK, OVERRIDES, must("template", TEMPLATE)]]);
const SELECTOR: Shape = Object(&[&[
    may("matchLabels", Texts),
    may("matchExpressions", List(&EXPRESSION)),
]]);
const EXPRESSION: Shape = Object(&[&[
    must("key", Text),
    must("operator", Word(&["In", "NotIn", "Exists", "DoesNotExist"])),
    may("values", List(&Text)),
]]);
const API_SERVER: Shape = Object(&[&[
    SINK,
    OVERRIDES,
    must("serviceAccountName", Text),
    must("mode", Word(&["Reference", "Resource"])),
    must(
        "resources",
        List(&Object(&[&[
            must("apiVersion", Text),
            must("kind", Text),
            may("selector", SELECTOR),
        ]])),
    ),
    may(
        "owner",
        Object(&[&[must("apiVersion", Text), must("kind", Text)]]),
    ),
    may("namespaceSelector", SELECTOR),
]]);
const GITLAB: Shape = Object(&[&[
    SINK,
    must("projectUrl", Text),
    must("eventTypes", List(&Word(GITLAB_EVENTS))),
    must("accessToken", SECRET_KEY),
    must("secretToken", SECRET_KEY),
    may("sslverify", Flag),
    may("serviceAccountName", Text),
]]);

/// The eleven kinds of hooks that a `GitLabSource` is for.
pub(crate) const GITLAB_EVENTS: &[&str] = &[
    "confidential_issues_events",
    "confidential_note_events",
    "deployment_events",
    "issues_events",
    "job_events",
    "merge_requests_events",
    "note_events",
    "pipeline_events",
    "push_events",
    "tag_push_events",
    "wiki_page_events",
];

// Monitoring

const RULES: Shape = Object(&[&[must(
    "groups",
    List(&Object(&[&[
        must("name", Text),
        must("rules", List(&ALERT)),
    ]])),
)]]);
const ALERT: Shape = Object(&[&[
    must("alert", Text),
    must("expr", Text),
    may("for", Text),
    must(
        "labels",
        Object(&[&[must("severity", Word(&["critical", "warning"]))]]),
    ),
    must(
        "annotations",
        Object(&[&[must("summary", Text), must("description", Text)]]),
    ),
]]);
const POD_MONITOR: Shape = Object(&[&[
    may("namespaceSelector", Object(&[&[must("any", Flag)]])),
    must("selector", SELECTOR),
    must(
        "podMetricsEndpoints",
        List(&Object(&[&[
            may("port", Port),
            may("honorLabels", Flag),
            may("relabelings", List(&RELABELING)),
        ]])),
    ),
]]);
const RELABELING: Shape = Object(&[&[
    must("sourceLabels", List(&Text)),
    must("regex", Text),
    may("action", Word(&["keep", "drop", "replace"])),
    may("targetLabel", Text),
    may("replacement", Text),
]]);
