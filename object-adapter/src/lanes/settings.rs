// SPDX-License-Identifier: MIT OR Apache-2.0
//! What guarantees stand on: the machine, its costs, and the QoS file.

use std::{
    env, fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use qos_mapper::{Calibration, QosFile};

use crate::rtcorba::{PriorityMapping, PriorityTransform};

/// At most so many CPUs are used unless told.
const MOST_CPUS: usize = 4;

/// What guarantees stand on.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RealTime {
    /// The CPUs on which guarantees are kept, by the system's numbers, in the order in which they are filled. Defaults to
    /// none: those of the QoS file's machine, or of the calibration, or the last half of those that the process may run
    /// on, up to four.
    pub cpus: Vec<u32>,
    /// The QoS file. Defaults to none.
    pub file: Option<QosFile>,
    /// The machine and its costs. Defaults to none: what is kept for this machine, see [`RealTime::calibration_file`].
    pub calibration: Option<Calibration>,
    /// Where processes tell each other what they have admitted. Defaults to the user's page.
    pub page: Page,
    /// What RT-CORBA priorities are to the system. Defaults to none:
    /// [`LinearMapping::default`](crate::rtcorba::LinearMapping).
    pub priority_mapping: Option<Arc<dyn PriorityMapping>>,
    /// What becomes of the RT-CORBA priorities of requests and of their servants' calls. Defaults to none: they are as the
    /// priority models say.
    pub priority_transform: Option<Arc<dyn PriorityTransform>>,
    /// Whether clients may ask for quality of service for their own flows. Defaults to yes.
    pub client_requests: bool,
}

impl Default for RealTime {
    fn default() -> Self {
        Self {
            cpus: Vec::new(),
            file: None,
            calibration: None,
            page: Page::default(),
            priority_mapping: None,
            priority_transform: None,
            client_requests: true,
        }
    }
}

/// Where the processes of a machine tell each other what they have admitted on its CPUs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Page {
    /// On the page that all processes of the user share.
    #[default]
    OfUser,
    /// In a file, shared by those that name it.
    At(PathBuf),
    /// Nowhere: others are not seen, and do not see.
    None,
}

impl RealTime {
    /// Returns where this machine's calibration is kept: in the user's folder for configuration.
    #[must_use]
    pub fn calibration_file() -> Option<PathBuf> {
        let folder = env::var_os("XDG_CONFIG_HOME").map(PathBuf::from);
        let folder = folder.filter(|path| path.is_absolute());
        let home = || env::var_os("HOME").map(|home| Path::new(&home).join(".config"));
        Some(folder.or_else(home)?.join("upcall/calibration.toml"))
    }

    /// Returns the CPUs that this process may run on.
    #[must_use]
    pub fn own_cpus() -> Vec<u32> {
        let Ok(allowed) = rustix::thread::sched_getaffinity(None) else {
            return Vec::new();
        };
        let all = 0..rustix::thread::CpuSet::MAX_CPU;
        let own = all.filter(|cpu| allowed.is_set(*cpu));
        own.filter_map(|cpu| u32::try_from(cpu).ok()).collect()
    }

    /// Returns the machine as it is to be used, with its costs.
    pub(super) fn calibration(&self) -> Result<Calibration, String> {
        let (mut calibration, known) = match &self.calibration {
            Some(calibration) => (calibration.clone(), true),
            None => kept(Self::calibration_file())?,
        };
        let described = self.file.as_ref().and_then(|file| file.machine.as_ref());
        if let Some(machine) = described {
            calibration.machine = machine.clone();
        }
        if !self.cpus.is_empty() {
            calibration.machine.cpus.clone_from(&self.cpus);
        } else if !known && described.is_none() {
            calibration.machine.cpus = chosen(&Self::own_cpus());
        }
        Ok(calibration)
    }
}

/// Reads the file if it is there; tells whether it was.
fn kept(path: Option<PathBuf>) -> Result<(Calibration, bool), String> {
    let Some(path) = path.filter(|path| path.exists()) else {
        return Ok((Calibration::default(), false));
    };
    let shown = path.display();
    let text = fs::read_to_string(&path).map_err(|error| format!("{shown}: {error}"))?;
    let parsed = Calibration::parse(&text).map_err(|errors| errors.in_file(&shown))?;
    Ok((parsed, true))
}

/// The last half of the CPUs: the first ones have most of the interrupts, and others want to run too.
fn chosen(own: &[u32]) -> Vec<u32> {
    let count = (own.len() / 2).clamp(1, MOST_CPUS);
    let chosen = own.get(own.len().saturating_sub(count)..).unwrap_or_default();
    if chosen.is_empty() {
        vec![0]
    } else {
        chosen.to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn others_keep_half_of_the_cpus_at_least_unless_there_is_only_one() {
        assert_eq!(chosen(&[]), [0]);
        assert_eq!(chosen(&[3]), [3]);
        assert_eq!(chosen(&[0, 1]), [1]);
        assert_eq!(chosen(&[0, 1, 2]), [2]);
        assert_eq!(chosen(&[0, 1, 2, 3]), [2, 3]);
        let many: Vec<u32> = (0..64).collect();
        assert_eq!(chosen(&many), [60, 61, 62, 63]);
    }

    #[test]
    fn what_the_program_says_comes_before_the_file_and_that_before_the_calibration() {
        let mut calibration = Calibration::default();
        calibration.machine.cpus = vec![7];
        let mut settings = RealTime {
            calibration: Some(calibration),
            ..RealTime::default()
        };
        let cpus = |settings: &RealTime| settings.calibration().unwrap().machine.cpus;
        assert_eq!(cpus(&settings), [7]);
        settings.file = Some(QosFile::parse("[machine]\ncpus = [5]").unwrap());
        assert_eq!(cpus(&settings), [5]);
        settings.cpus = vec![1, 2];
        assert_eq!(cpus(&settings), [1, 2]);
    }

    #[test]
    fn a_calibration_that_cannot_be_read_is_an_error_with_its_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("calibration.toml");
        assert!(!kept(Some(path.clone())).unwrap().1);
        fs::write(&path, "version = 1\nnonsense = 2\n").unwrap();
        let error = kept(Some(path)).unwrap_err();
        assert!(error.contains("calibration.toml:2:"), "{error}");
    }
}
