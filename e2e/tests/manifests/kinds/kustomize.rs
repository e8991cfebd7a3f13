//! What we use of kustomize itself.

use crate::shape::Shape::{Flag, List, Object, Text, Texts, Whole};
use crate::shape::{Field, Shape, may, must};

const SELECT: Shape = Object(&[&[may("group", Text), may("kind", Text), may("name", Text)]]);
pub(super) const KUSTOMIZATION: &[Field] = &[
    must("apiVersion", Text),
    must("kind", Text),
    may("namespace", Text),
    may("resources", List(&Text)),
    may("components", List(&Text)),
    may(
        "patches",
        List(&Object(&[&[may("target", SELECT), must("patch", Text)]])),
    ),
    may("replacements", List(&REPLACEMENT)),
    may("configMapGenerator", List(&GENERATED)),
];
const REPLACEMENT: Shape = Object(&[&[
    must(
        "source",
        Object(&[&[
            must("kind", Text),
            must("name", Text),
            must("fieldPath", Text),
        ]]),
    ),
    must(
        "targets",
        List(&Object(&[&[
            must("select", SELECT),
            may("reject", List(&SELECT)),
            must("fieldPaths", List(&Text)),
            may(
                "options",
                Object(&[&[
                    may("delimiter", Text),
                    may("index", Whole),
                    may("create", Flag),
                ]]),
            ),
        ]])),
    ),
]]);
const GENERATED: Shape = Object(&[&[
    must("name", Text),
    must("files", List(&Text)),
    may(
        "options",
        Object(&[&[may("disableNameSuffixHash", Flag), may("labels", Texts)]]),
    ),
]]);
