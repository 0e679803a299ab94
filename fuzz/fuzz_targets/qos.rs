// SPDX-License-Identifier: MIT OR Apache-2.0
//! Octets as the service contexts in which requests and grants travel, and texts as QoS files and as calibration files. What
//! is read is checked on the machine that is read, and what is written of it reads the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use orb_core::qos::context;
use qos_mapper::{Calibration, FileErrors, Machine, QosFile, check};
use rtu::analysis::Fit;

/// Objects and flows that are checked: a check is not what this is about, and may take long for thousands.
const FEW: usize = 8;

fuzz_target!(|data: &[u8]| {
    travel(data);
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let calibration = match Calibration::parse(text) {
        Ok(calibration) => {
            let written = calibration.to_string();
            assert_eq!(
                Calibration::parse(&written).as_ref(),
                Ok(&calibration),
                "{written}"
            );
            calibration
        }
        Err(errors) => {
            stand_in_the_text(text, &errors);
            Calibration::default()
        }
    };
    match QosFile::parse(text) {
        Ok(mut file) => {
            let _ = file.find("plant/safety", b"stop").map(|entry| entry.line);
            file.objects.truncate(FEW);
            file.objects
                .iter_mut()
                .for_each(|entry| entry.flows = entry.flows.min(2));
            let machine: &Machine = file.machine.as_ref().unwrap_or(&calibration.machine);
            let report = check(&file, &calibration.costs, machine, Fit::First);
            for refused in &report.refused {
                assert!(!refused.refusal.to_string().is_empty());
            }
        }
        Err(errors) => stand_in_the_text(text, &errors),
    }
});

/// What is read of a context is written in a form that reads the same.
fn travel(data: &[u8]) {
    if let Some(qos) = context::decode_request(data) {
        assert_eq!(context::decode_request(&context::encode_request(&qos)), Some(qos));
    }
    if let Some(granted) = context::decode_grant(data) {
        assert_eq!(
            context::decode_grant(&context::encode_grant(&granted)),
            Some(granted)
        );
    }
}

/// Every mistake has a place in the text, in order.
fn stand_in_the_text(text: &str, errors: &FileErrors) {
    assert!(!errors.all().is_empty());
    let lines = text.split('\n').count();
    let mut last = (0, 0);
    for error in errors.all() {
        let place = (error.line, error.column);
        assert!(
            error.line <= lines && error.column >= 1 && place >= last,
            "{error}"
        );
        last = place;
    }
}
