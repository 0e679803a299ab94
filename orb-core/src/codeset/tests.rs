// SPDX-License-Identifier: MIT OR Apache-2.0

use super::*;

#[test]
fn two_of_us_agree_on_what_is_native() {
    assert_eq!(CodeSetInfo::ours().choose(), Ok(CodeSets::NATIVE));
}
