// SPDX-License-Identifier: MIT OR Apache-2.0

use super::*;

fn checked(text: &str) -> CheckReport {
    let file = QosFile::parse(text).unwrap_or_else(|errors| panic!("{errors}"));
    check(&file, &CostModel::default(), &Machine::default(), Fit::First)
}

const MIXED: &str = r#"
[machine]
cpus = [1, 2]
[[object]]
name = "stream"
class = "isochronous"
period = "10ms"
messages = 8
worst_case = "300us"
flows = 4
[[object]]
name = "alarm"
class = "low_delay"
delay = "2ms"
[[object]]
name = "rest"
class = "best_effort"
[[object]]
name = "greedy"
class = "isochronous"
period = "1ms"
worst_case = "900us"
"#;

fn names(flows: &[FlowReport]) -> Vec<&str> {
    flows.iter().map(|flow| flow.name.as_str()).collect()
}

#[test]
fn every_entry_is_granted_somewhere_or_refused_with_its_line() {
    let report = checked(MIXED);
    assert_eq!(
        names(&report.cpus[0].flows),
        ["alarm", "stream #1", "stream #2", "stream #3"]
    );
    assert_eq!(names(&report.cpus[1].flows), ["stream #4"]);
    assert_eq!(names(&report.best_effort), ["rest"]);
    assert_eq!(report.refused.len(), 1);
    assert_eq!(
        (report.refused[0].name.as_str(), report.refused[0].line),
        ("greedy", 18)
    );
    assert!(report.link_rate > 0 && report.ring_memory > 0);
}

#[test]
fn response_times_come_before_deadlines_and_guesses_are_marked() {
    let report = checked(MIXED);
    for flow in report.cpus.iter().flat_map(|cpu| &cpu.flows) {
        let response = flow.response.unwrap();
        assert!(response <= flow.plan.rtu.deadline);
        assert_eq!(flow.slack(), Some(flow.plan.rtu.deadline - response));
        assert_eq!(flow.assumed, flow.name == "alarm");
        assert!(!flow.plan.probation, "a check counts it as if it were through");
    }
    assert!(!report.best_effort[0].assumed);
    assert_eq!(report.best_effort[0].response, None);
}

#[test]
fn the_first_to_break_is_the_one_with_the_least_room() {
    let report = checked(MIXED);
    for cpu in &report.cpus {
        let first = &cpu.flows[cpu.first_to_break.unwrap()];
        let percent = |flow: &FlowReport| flow.growth.as_ref().unwrap().percent;
        assert!(cpu.flows.iter().all(|flow| percent(flow) >= percent(first)));
        assert!(percent(first) > 100);
    }
}

#[test]
fn what_all_together_may_grow_is_less_than_what_one_may() {
    for cpu in &checked(MIXED).cpus {
        let one = cpu
            .flows
            .iter()
            .filter_map(|flow| flow.growth.as_ref())
            .map(|it| it.percent)
            .min();
        assert!(
            cpu.all_may_grow > 1.0 && cpu.all_may_grow * 100.0 <= f64::from(one.unwrap()) + 2.0,
            "{cpu:?}"
        );
        assert!(cpu.tolerated_iteration.is_some());
    }
}

#[test]
fn a_kind_that_is_refused_once_is_not_tried_again() {
    let report =
        checked("[[object]]\nclass = \"isochronous\"\nperiod = \"1ms\"\nworst_case = \"300us\"\nflows = 9\n");
    assert_eq!(report.cpus[0].flows.len(), 2);
    assert_eq!(report.refused.len(), 1);
    assert_eq!(report.refused[0].name, "**:** #3");
}

#[test]
fn an_empty_file_is_fine() {
    let report = checked("");
    assert!(report.refused.is_empty() && report.cpus[0].flows.is_empty());
    assert_eq!(report.cpus[0].first_to_break, None);
}

#[test]
fn a_group_is_as_many_flows_as_its_clients_and_costs_as_much_as_its_dearest_member() {
    let report = checked(
        r#"
[machine]
cpus = [1]
[[object]]
name = "a"
group = "motors"
class = "low_delay"
delay = "5ms"
worst_case = "20us"
[[object]]
name = "alone"
class = "low_delay"
delay = "50ms"
worst_case = "20us"
[[object]]
name = "b"
group = "motors"
class = "low_delay"
delay = "10ms"
worst_case = "800us"
flows = 2
"#,
    );
    assert_eq!(
        names(&report.cpus[0].flows),
        ["group motors #1", "group motors #2", "alone"]
    );
    let motors = &report.cpus[0].flows[0];
    assert_eq!((motors.line, motors.assumed), (4, false));
    assert_eq!(
        motors.plan.qos,
        orb_core::qos::Qos::low_delay(std::time::Duration::from_millis(5))
            .worst_case(std::time::Duration::from_micros(800))
    );
}

#[test]
fn what_a_member_of_a_group_does_not_declare_is_assumed() {
    let report = checked(
        r#"
[[object]]
group = "motors"
class = "low_delay"
delay = "50ms"
[[object]]
group = "motors"
class = "low_delay"
delay = "50ms"
worst_case = "1us"
"#,
    );
    let cpu = report.cpus.iter().find(|cpu| !cpu.flows.is_empty()).unwrap();
    let [motors] = &cpu.flows[..] else {
        panic!("{:?}", cpu.flows)
    };
    assert!(motors.assumed);
    let declared = motors.plan.qos.declared_worst_case().unwrap();
    assert_eq!(declared, CostModel::default().assumed_servant(&[]).into());
}
