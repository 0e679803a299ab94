// SPDX-License-Identifier: MIT OR Apache-2.0
//! `upcall calibrate`: measures what the mapper has to know of this machine, and keeps it.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use clap::Args;
use qos_mapper::{Calibration, Link, Machine};
use upcall::poa::RealTime;

use self::platform::Ticks;
use self::progress::Progress;
use self::report::Findings;
use crate::failure::Failure;
use crate::{interrupt, qos};

mod caller;
mod costs;
mod flow;
mod keep;
mod line;
mod platform;
mod points;
mod progress;
mod report;
mod upcalls;

/// What `idl/probe.idl` became.
mod probe {
    upcall::include_idl!("probe");
    pub(super) use self::calibration::{Probe, ProbeRef, ProbeSkeleton, Reading};
}

/// Of the time, how much goes to messages; the rest goes to upcalls.
const FOR_MESSAGES: f64 = 0.4;

/// What to measure, and where to keep it.
#[derive(Debug, Args)]
#[command(after_help = "\
Messages are measured by calling a server of this process over loopback TCP, upcalls by running empty ones on an executive \
for each CPU. What only you know (the machine's name, its link, memory for rings, worst cases of servants) stays as it is \
in the file. Ctrl-C leaves the file as it was. On a quiet machine, and with the rights that `upcall doctor` asks for, the \
figures are those that guarantees will meet.")]
pub(crate) struct Options {
    /// Where to keep it [default: where `qos check` and the ORB look, ~/.config/upcall/calibration.toml]
    #[arg(short, long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// How long to measure
    #[arg(short, long, value_name = "N", default_value_t = 15, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
    /// CPUs that executives are to run on, such as 2,3 or 0-3 [default: those in the file, else all]
    #[arg(short, long, value_name = "LIST", value_parser = platform::parse_cpus)]
    cpus: Option<Cpus>,
    /// Which share of switches and releases S and J are to cover; the others may be late. From 50 to 100
    #[arg(short, long, value_name = "P", default_value_t = 99.9, value_parser = percent)]
    percent: f64,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// A list that is one argument.
type Cpus = Vec<u32>;

fn percent(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(value) if (50.0..=100.0).contains(&value) => Ok(value),
        _ => Err("a number from 50 to 100".into()),
    }
}

/// Measures, keeps the file, and returns what to print.
pub(crate) fn run(options: &Options) -> Result<String, Failure> {
    let stop = interrupt::flag();
    let path = match &options.out {
        Some(path) => path.clone(),
        None => RealTime::calibration_file().ok_or_else(|| {
            Failure::new("neither XDG_CONFIG_HOME nor HOME says where to keep the file")
                .hint("--out FILE does")
        })?,
    };
    let findings = calibrate(options, &path, &stop)?;
    Ok(if options.json {
        report::json(&findings, &path)
    } else {
        report::text(&findings, &path)
    })
}

fn calibrate(options: &Options, path: &Path, stop: &AtomicBool) -> Result<Findings, Failure> {
    let unwritable = |error: std::io::Error| {
        qos::about(path, &error).hint("nothing can be kept there; --out names another place")
    };
    keep::prepare(path).map_err(unwritable)?;
    let kept = read_kept(path)?;
    let own = RealTime::own_cpus();
    let cpus = platform::choose_cpus(
        options.cpus.as_deref(),
        kept.as_ref().map_or(&[], |it| &it.machine.cpus),
        &own,
    )?;
    let findings = measure(&kept.unwrap_or_default(), &cpus, options, stop)?;
    keep::write(path, &findings.calibration.to_string()).map_err(unwritable)?;
    Ok(findings)
}

/// The file as it is; none if there is none. What cannot be read is not overwritten.
fn read_kept(path: &Path) -> Result<Option<Calibration>, Failure> {
    if !path.exists() {
        return Ok(None);
    }
    let wrong = |errors| {
        qos::located(path, &errors)
            .hint("what is in the file would be lost: correct it or move it away, then calibrate again")
    };
    Calibration::parse(&qos::read(path)?).map(Some).map_err(wrong)
}

fn measure(
    kept: &Calibration,
    cpus: &[u32],
    options: &Options,
    stop: &AtomicBool,
) -> Result<Findings, Failure> {
    let span = Duration::from_secs(options.seconds);
    let first = cpus.first().copied().unwrap_or(0);
    let mut progress = Progress::new(stop, span);
    let before = Ticks::read(cpus);
    let flows = flow::measure(first, span.mul_f64(FOR_MESSAGES), &mut progress)?;
    let upcalls = upcalls::measure(cpus, span.mul_f64(1.0 - FOR_MESSAGES), &mut progress)?;
    let stolen = Ticks::read(cpus).stolen_since(&before);
    // Whoever interrupted the last moment means it, too.
    progress.go_on("done")?;
    let round_trip = flows.round_trip.percentile(flow::PERCENT).unwrap_or_default();
    let switch = upcalls.longest_switch(options.percent);
    let costs = costs::costs(&flows.points, switch, &kept.costs)
        .ok_or_else(|| Failure::new("too little was measured").hint("give it more --seconds"))?;
    let machine = Machine {
        cpus: cpus.to_vec(),
        switch,
        jitter: upcalls.release_jitter(options.percent),
        link: Link {
            // The longest to any peer is no shorter than that to ourselves.
            round_trip: kept.machine.link.round_trip.max(round_trip),
            ..kept.machine.link
        },
        ..kept.machine.clone()
    };
    let made = made(options, stolen, upcalls.missing.is_none());
    Ok(Findings {
        calibration: Calibration {
            made: Some(made),
            machine,
            costs,
        },
        upcalls,
        disturbed: flows.disturbance(),
        round_trip: flows.round_trip,
        stolen,
    })
}

fn made(options: &Options, stolen: f64, realtime: bool) -> String {
    let rights = if realtime { "real-time" } else { "ordinary" };
    format!(
        "{} by upcall calibrate, {} s, {} % covered, {rights} scheduling, {:.1} % of the CPUs stolen",
        platform::today(),
        options.seconds,
        options.percent,
        stolen * 100.0
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(path: &Path) -> Options {
        Options {
            out: Some(path.to_path_buf()),
            seconds: 600,
            cpus: None,
            percent: 99.9,
            json: false,
        }
    }

    #[test]
    fn how_it_was_made_is_told() {
        let made = made(&options(Path::new("x")), 0.0123, false);
        let end =
            " by upcall calibrate, 600 s, 99.9 % covered, ordinary scheduling, 1.2 % of the CPUs stolen";
        assert!(made.ends_with(end), "{made}");
        assert!(percent("99.99").is_ok() && percent("100").is_ok());
        assert!(percent("49").is_err() && percent("101").is_err() && percent("NaN").is_err());
    }

    #[test]
    fn an_interrupt_leaves_the_file_as_it_was() {
        let path = std::env::temp_dir().join(format!("upcall-calibrate-{}.toml", std::process::id()));
        std::fs::write(&path, "version = 1\n").unwrap();
        let failure = calibrate(&options(&path), &path, &AtomicBool::new(true));
        let said = failure.map(|_| ()).unwrap_err().to_string();
        assert!(said.starts_with("interrupted; nothing was written"), "{said}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "version = 1\n");
        std::fs::remove_file(&path).unwrap();
    }

    #[test]
    fn a_file_that_cannot_be_read_is_not_overwritten() {
        let path = std::env::temp_dir().join(format!("upcall-calibrate-{}-odd.toml", std::process::id()));
        std::fs::write(&path, "version = 7\n").unwrap();
        let failure = calibrate(&options(&path), &path, &AtomicBool::new(true));
        let said = failure.map(|_| ()).unwrap_err().to_string();
        assert!(
            said.contains(":1:11: this is version 7") && said.contains("move it away"),
            "{said}"
        );
        std::fs::remove_file(&path).unwrap();
    }
}
