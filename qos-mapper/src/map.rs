// SPDX-License-Identifier: MIT OR Apache-2.0
//! From a request to a plan, for a flow that has the machine to itself.

use std::time::Duration;

use orb_core::qos::{BestEffort, Burst, Isochronous, LowDelay, Qos};
use rtu::{Class, Nanos};

use crate::cost::{CostModel, FlowCost};
use crate::machine::{MESSAGE_HEADER, Machine};
use crate::nearest::alternatives;
use crate::plan::{Pacing, Plan, Rings, RtuPlan};
use crate::refusal::{Bottleneck, CpuShortage, Refusal, RingBound};
use crate::request::{End, Request};

/// Maps a request to a plan, on a machine that does nothing else.
///
/// Whether the plan also fits beside others is for [`Admission`](crate::Admission).
///
/// ```
/// use std::time::Duration;
/// use orb_core::qos::Qos;
/// use qos_mapper::{CostModel, Machine, Request, map};
/// let ms = Duration::from_millis;
/// let qos = Qos::isochronous(ms(10), 4).worst_case(Duration::from_micros(50));
/// let plan = map(&Request::new(qos.clone()), &CostModel::default(), &Machine::default()).unwrap();
/// assert_eq!(plan.rtu.batch, 4);
///
/// let hasty = Request::new(qos.deadline(Duration::from_micros(100)));
/// let refusal = map(&hasty, &CostModel::default(), &Machine::default()).unwrap_err();
/// assert!(refusal.to_string().starts_with("a deadline of 100 µs is below what one message needs"));
/// ```
///
/// # Errors
/// What stands in the way, and what would fit.
pub fn map(request: &Request, costs: &CostModel, machine: &Machine) -> Result<Plan, Refusal> {
    plan(request, costs, machine).map_err(|bottleneck| Refusal {
        alternatives: alternatives(request, &bottleneck, |changed| {
            plan(changed, costs, machine).is_ok()
        }),
        bottleneck,
    })
}

/// The map without the search for what would fit.
pub(crate) fn plan(request: &Request, costs: &CostModel, machine: &Machine) -> Result<Plan, Bottleneck> {
    let (cost, known) = cost_of(request, costs);
    if let Qos::BestEffort(asked) = &request.qos {
        return best_effort(request, asked.clone(), cost);
    }
    let demand = demand(&request.qos, machine, None)?;
    let plan = guaranteed(request, &demand, cost, machine)?;
    if known { Ok(plan) } else { Ok(on_probation(plan)) }
}

/// What a class comes to, supplied to a window of so many bytes, if that is known.
fn demand(qos: &Qos, machine: &Machine, window: Option<u64>) -> Result<Demand, Bottleneck> {
    match qos {
        Qos::Isochronous(asked) => isochronous(asked, window),
        Qos::Burst(asked) => burst(asked, machine.largest_ring.min(window.unwrap_or(u64::MAX))),
        Qos::LowDelay(asked) => low_delay(asked),
        other => contradiction(format!("the class {} is not known here", other.class())),
    }
}

/// Messages of so many bytes of which two periods' are in a window.
fn half_of(window: u64, message: u64) -> u64 {
    window / 2 / message.saturating_add(MESSAGE_HEADER)
}

/// What a message costs, and whether that is all of it.
fn cost_of(request: &Request, costs: &CostModel) -> (FlowCost, bool) {
    let declared = request.qos.declared_worst_case().map(Nanos::from);
    match (request.measured, declared) {
        (Some(measured), _) => (measured, true),
        (None, _) if request.end == End::Client => (costs.sending, true),
        (None, Some(worst_case)) => (costs.of_flow(&request.types, worst_case), true),
        (None, None) if request.assume_servant => (
            costs.of_flow(&request.types, costs.assumed_servant(&request.types)),
            true,
        ),
        // Whatever the servant takes, it is no less than nothing: what cannot fit then never will.
        (None, None) => (costs.of_flow(&request.types, Nanos::ZERO), false),
    }
}

/// What a guaranteed class comes to, before costs are counted.
struct Demand {
    class: Class,
    period: Nanos,
    batch: u32,
    message: u64,
    deadline: Nanos,
    /// Bytes per second without headers.
    bandwidth: u64,
    /// The bucket of the pacing in bytes; none if it is not paced.
    burst: Option<u64>,
}

/// The longest period of a burst flow: a slow one is still looked after each second.
const LONGEST_BURST_PERIOD: Nanos = Nanos::from_secs(1);
/// Priorities within a reactive class, of which 0 is the middle one.
const MIDDLE_PRIORITY: u8 = 128;
/// Messages that a best-effort flow of weight 1 may process before the next flow has its turn.
const BEST_EFFORT_BATCH: u32 = 4;
/// What rings are made of.
const PAGE: u64 = 4096;
const SECOND: u128 = 1_000_000_000;

fn contradiction<T>(why: impl Into<String>) -> Result<T, Bottleneck> {
    Err(Bottleneck::Contradiction { why: why.into() })
}

/// A time that must not be zero.
fn positive(name: &str, time: Duration) -> Result<Nanos, Bottleneck> {
    match Nanos::from(time) {
        Nanos::ZERO => contradiction(format!("a {name} of zero cannot be kept")),
        Nanos::MAX => contradiction(format!("a {name} beyond 584 years cannot be counted")),
        time => Ok(time),
    }
}

/// T and B as asked, D at most T. A window of less than two periods is supplied more often, with fewer messages.
fn isochronous(asked: &Isochronous, window: Option<u64>) -> Result<Demand, Bottleneck> {
    let period = positive("period", asked.period)?;
    let deadline = positive("deadline", asked.deadline.unwrap_or(asked.period))?;
    if asked.messages == 0 {
        return contradiction("no message in a period is nothing to guarantee");
    }
    let message = asked.message_size as u64;
    let bytes = u64::from(asked.messages).saturating_mul(message.saturating_add(MESSAGE_HEADER));
    let in_window = window.map_or(u64::MAX, |window| half_of(window, message).max(1));
    let batch = u32::try_from(in_window).unwrap_or(u32::MAX).min(asked.messages);
    let part = u128::from(period.0) * u128::from(batch) / u128::from(asked.messages);
    let supplied = nanos(part).max(Nanos(1));
    Ok(Demand {
        class: Class::Periodic,
        period: supplied,
        batch,
        message,
        // A period's messages are out of the way when the next ones come.
        deadline: deadline.min(supplied),
        bandwidth: rate(bytes, period),
        burst: Some(bytes),
    })
}

/// T from the burst, and the room of its ring or window. With k messages in a period, a burst takes n periods, and may come just after a release:
/// it is through after n + 1 of them.
fn burst(asked: &Burst, room: u64) -> Result<Demand, Bottleneck> {
    let burst = asked.burst_size as u64;
    let message = asked.message_size.unwrap_or(asked.burst_size) as u64;
    if asked.bandwidth == 0 || burst == 0 || message == 0 {
        return contradiction("a bandwidth, burst or message of no bytes is nothing to guarantee");
    }
    if message > burst {
        return contradiction(format!(
            "a message of {message} bytes is larger than its burst of {burst}"
        ));
    }
    let in_burst = burst.div_ceil(message);
    let in_room = half_of(room / PAGE * PAGE, message);
    let batch = in_burst.min(in_room).clamp(1, u32::MAX.into());
    let periods = in_burst.div_ceil(batch);
    let quota = u128::from(batch) * u128::from(message);
    let mut period = nanos(quota * SECOND / u128::from(asked.bandwidth)).min(LONGEST_BURST_PERIOD);
    if let Some(deadline) = asked.deadline {
        period = period.min(positive("deadline", deadline)? / periods.saturating_add(1));
    }
    if period == Nanos::ZERO {
        return contradiction("this bandwidth or deadline leaves less than a nanosecond for each period");
    }
    let headers = in_burst.saturating_mul(MESSAGE_HEADER);
    let with_headers = u128::from(asked.bandwidth) * u128::from(message.saturating_add(MESSAGE_HEADER));
    Ok(Demand {
        class: Class::Periodic,
        period,
        batch: u32::try_from(batch).unwrap_or(u32::MAX),
        message,
        deadline: period,
        bandwidth: u64::try_from(with_headers.div_ceil(message.into())).unwrap_or(u64::MAX),
        burst: Some(burst.saturating_add(headers)),
    })
}

/// Sporadic: T is the minimum inter-arrival, and a message is done before the next may come.
fn low_delay(asked: &LowDelay) -> Result<Demand, Bottleneck> {
    let delay = positive("delay", asked.delay)?;
    let period = positive("minimum interval", asked.minimum_interval.unwrap_or(asked.delay))?;
    let message = asked.message_size as u64;
    Ok(Demand {
        class: Class::LowDelay {
            priority: priority(asked.priority),
        },
        period,
        batch: 1,
        message,
        deadline: delay.min(period),
        bandwidth: rate(message.saturating_add(MESSAGE_HEADER), period),
        burst: None,
    })
}

/// 0 is the middle one; what is far from it shares the ends.
fn priority(asked: i16) -> u8 {
    let shifted = i32::from(asked) + i32::from(MIDDLE_PRIORITY);
    u8::try_from(shifted.clamp(0, u8::MAX.into())).unwrap_or(MIDDLE_PRIORITY)
}

fn best_effort(request: &Request, asked: BestEffort, cost: FlowCost) -> Result<Plan, Bottleneck> {
    if asked.weight == 0 {
        return contradiction("a weight of zero would never have its turn");
    }
    Ok(Plan {
        rtu: best_effort_rtu(asked.weight, cost, request),
        qos: Qos::BestEffort(asked),
        probation: false,
        cpu: None,
        cost,
        largest_message: None,
        rings: None,
        window: None,
        pacing: None,
        coalesce: true,
        link_rate: 0,
    })
}

fn best_effort_rtu(weight: u32, cost: FlowCost, request: &Request) -> RtuPlan {
    RtuPlan {
        class: Class::BestEffort {
            priority: MIDDLE_PRIORITY,
        },
        period: Nanos::ZERO,
        // Everyone has its turn, and processes in it as its weight says.
        batch: weight.saturating_mul(BEST_EFFORT_BATCH),
        budget: Nanos::ZERO,
        longest_iteration: cost.of_activation(1, 0),
        deadline: Nanos::ZERO,
        on_overrun: request.on_overrun,
    }
}

/// The plan that waits for the flow's costs: the same rings and rate, on best-effort time.
fn on_probation(plan: Plan) -> Plan {
    Plan {
        probation: true,
        rtu: RtuPlan {
            class: Class::BestEffort {
                priority: MIDDLE_PRIORITY,
            },
            ..plan.rtu
        },
        ..plan
    }
}

fn guaranteed(
    request: &Request,
    demand: &Demand,
    cost: FlowCost,
    machine: &Machine,
) -> Result<Plan, Bottleneck> {
    // What it has room for and how fast it goes is as asked; how often it is run is up to the window.
    let supply = self::demand(&request.qos, machine, request.window)?;
    let rtu = RtuPlan {
        class: supply.class,
        period: supply.period,
        batch: supply.batch,
        budget: cost.of_activation(supply.batch, supply.message),
        // The first iteration begins with what an activation costs by itself.
        longest_iteration: cost.of_activation(1, supply.message),
        deadline: supply.deadline,
        on_overrun: request.on_overrun,
    };
    alone(&rtu, machine)?;
    let on_wire = u128::from(demand.bandwidth) * u128::from(machine.link.wire_size(demand.message));
    let payload = u128::from(demand.message.saturating_add(MESSAGE_HEADER));
    let link_rate = u64::try_from(on_wire.div_ceil(payload)).unwrap_or(u64::MAX);
    if link_rate > machine.link.rate {
        return Err(Bottleneck::Link {
            asked: link_rate,
            left: machine.link.rate,
            rate: machine.link.rate,
        });
    }
    let (rings, window) = memory(demand, machine)?;
    Ok(Plan {
        qos: request.qos.clone(),
        probation: false,
        rtu,
        cpu: None,
        cost,
        largest_message: Some(demand.message),
        rings: Some(rings),
        window: Some(window),
        pacing: demand.burst.map(|burst| Pacing {
            rate: demand.bandwidth,
            burst,
        }),
        coalesce: !matches!(demand.class, Class::LowDelay { .. }),
        link_rate,
    })
}

/// Rings of two periods at least, and a receive ring that keeps its window's promise.
fn memory(demand: &Demand, machine: &Machine) -> Result<(Rings, u64), Bottleneck> {
    let message = demand.message.saturating_add(MESSAGE_HEADER);
    let two_periods = u64::from(demand.batch).saturating_mul(message).saturating_mul(2);
    let in_flight = u128::from(demand.bandwidth) * u128::from(machine.link.round_trip.0);
    let window = u64::try_from(in_flight.div_ceil(SECOND))
        .unwrap_or(u64::MAX)
        .max(message);
    // A ring of which the last page is not whole would make room for less than it promises.
    let ring = |bytes: u64| bytes.checked_next_multiple_of(PAGE).unwrap_or(u64::MAX);
    let rings = Rings {
        receive: ring(two_periods.max(window)),
        send: ring(two_periods),
    };
    if rings.receive > machine.largest_ring {
        return Err(Bottleneck::RingMemory {
            needed: rings.receive,
            left: machine.largest_ring,
            of: RingBound::OneRing,
        });
    }
    Ok((rings, window))
}

/// Whether an RTU fits on a CPU of its own.
fn alone(rtu: &RtuPlan, machine: &Machine) -> Result<(), Bottleneck> {
    let switches = machine.switch * 2;
    for (messages, work) in [(1, rtu.longest_iteration), (rtu.batch, rtu.budget)] {
        let needed = work + switches + machine.jitter;
        if needed > rtu.deadline {
            return Err(Bottleneck::Deadline {
                deadline: rtu.deadline,
                needed,
                messages,
            });
        }
    }
    let asked = (rtu.budget + switches).share_of(rtu.period);
    let usable = f64::from(machine.usable) / 100.0;
    if asked > usable {
        return Err(Bottleneck::Cpu(CpuShortage {
            cpu: machine.cpus.first().copied(),
            admitted: 0.0,
            asked,
            usable,
            missed: None,
        }));
    }
    Ok(())
}

/// Bytes each period as bytes per second, rounded up.
fn rate(bytes: u64, period: Nanos) -> u64 {
    let per_second = (u128::from(bytes) * SECOND).div_ceil(u128::from(period.0.max(1)));
    u64::try_from(per_second).unwrap_or(u64::MAX)
}

fn nanos(value: u128) -> Nanos {
    Nanos(u64::try_from(value).unwrap_or(u64::MAX))
}

#[cfg(test)]
pub(crate) mod tests;
