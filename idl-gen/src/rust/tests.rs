// SPDX-License-Identifier: MIT OR Apache-2.0

use super::*;

#[test]
fn an_empty_model_makes_no_output() {
    let generated = generate(&Model::default(), &Options::default()).unwrap();
    assert!(generated.outputs.is_empty() && generated.notes.is_empty());
}
