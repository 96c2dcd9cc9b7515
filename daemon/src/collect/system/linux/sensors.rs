//! The temperature sensors of `/sys/class/hwmon`, and the thermal zones where there are none.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ccm_proto::model::{Interval, Value};

use super::is_due;
use crate::collect::kept::Kept;
use crate::collect::system::temperatures::{self, SENSORS_MAX, Temperature};

/// Some drivers take milliseconds to answer, and heat moves slowly.
const READ_EVERY: Interval = Interval::from_secs(5);

/// How often new sensors are looked for.
const LOOK_EVERY: Interval = Interval::from_secs(60);

struct Sensor {
    name: String,
    input: Kept,
    critical: Option<f64>,
}

/// The sensors of a machine.
pub(super) struct Sensors {
    directory: PathBuf,
    found: Vec<Sensor>,
    looked: Option<Duration>,
    read: Option<Duration>,
    value: Value,
}

impl Sensors {
    /// `directory` is the one of device classes.
    pub(super) fn new(directory: PathBuf) -> Self {
        Self { directory, found: Vec::new(), looked: None, read: None, value: Value::Absent }
    }

    pub(super) fn value(&mut self, elapsed: Duration) -> Value {
        if is_due(self.looked, elapsed, LOOK_EVERY) {
            self.looked = Some(elapsed);
            self.found = find(&self.directory);
        }
        if is_due(self.read, elapsed, READ_EVERY) {
            self.read = Some(elapsed);
            let measured = self.found.iter_mut().filter_map(|sensor| {
                let celsius = temperatures::parse(&sensor.input.text()?)?;
                let (name, critical) = (sensor.name.clone(), sensor.critical);
                Some(Temperature { sensor: name, celsius, critical })
            });
            let measured: Vec<Temperature> = measured.collect();
            self.value = temperatures::value(&measured);
        }
        self.value.clone()
    }
}

/// Name, file and critical temperature of a sensor.
type Found = (String, PathBuf, Option<f64>);

fn find(classes: &Path) -> Vec<Sensor> {
    let mut found = hardware_monitors(&classes.join("hwmon"));
    if found.is_empty() {
        found = thermal_zones(&classes.join("thermal"));
    }
    found.truncate(SENSORS_MAX);
    let names = temperatures::unique(found.iter().map(|(name, ..)| name.clone()));
    let sensors = names.into_iter().zip(found);
    sensors
        .map(|(name, (_, input, critical))| Sensor { name, input: Kept::new(input), critical })
        .collect()
}

fn hardware_monitors(directory: &Path) -> Vec<Found> {
    let mut found = Vec::new();
    for chip in entries(directory) {
        let chip_name = line(&chip.join("name")).unwrap_or_else(|| "chip".to_owned());
        for input in entries(&chip) {
            let file = input.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let Some(stem) = file.strip_suffix("_input").filter(|s| s.starts_with("temp")) else {
                continue;
            };
            let label = line(&chip.join(format!("{stem}_label")));
            let name = label.map_or_else(|| chip_name.clone(), |l| format!("{chip_name} {l}"));
            let critical = line(&chip.join(format!("{stem}_crit")));
            let critical = critical.and_then(|text| temperatures::parse(&text));
            found.push((name, input, critical.filter(|critical| *critical > 0.0)));
        }
    }
    found
}

fn thermal_zones(directory: &Path) -> Vec<Found> {
    let zones = entries(directory).into_iter().filter_map(|zone| {
        let name = line(&zone.join("type"))?;
        let input = zone.join("temp");
        input.exists().then_some((name, input, None))
    });
    zones.collect()
}

/// The entries of a directory in the order of their names; none of one that is not there.
fn entries(directory: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(directory) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

fn line(path: &Path) -> Option<String> {
    let text = Kept::new(path).text()?.trim().to_owned();
    (!text.is_empty()).then_some(text)
}
