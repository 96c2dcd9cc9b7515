//! What the module `hr` answers: who is there, and how much gets done.

use ccm_proto::model::Timestamp;
use serde_json::{Value, json};

use super::answer::{Problem, Query, rounded};
use super::catalogue::{DEPARTMENTS, Department};
use super::noise::Noise;
use super::time;

/// A department on a day.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Attendance {
    /// In the house, so far.
    pub present: u32,
    /// At work elsewhere, so far.
    pub remote: u32,
    /// Ill or on holiday, or not yet there.
    pub absent: u32,
    /// Tasks done so far.
    pub tasks: f64,
}

impl Attendance {
    /// People at work.
    pub fn at_work(self) -> u32 {
        self.present + self.remote
    }
}

/// The answer at a path.
pub fn answer(seed: u64, path: &str, query: &Query, now: Timestamp) -> Result<Value, Problem> {
    match path {
        "/api/metrics/attendance" => Ok(today(seed, now)),
        "/api/attendance-vs-productivity" => Ok(days(seed, query.integer("days", 14, 1, 60)?, now)),
        _ => Err(Problem::not_found()),
    }
}

/// The share of a working day that has passed, and the share of people that have come.
fn progress(day: i64, now: Timestamp) -> (f64, f64) {
    if time::day_of(now) > day {
        return (1.0, 1.0);
    }
    let hour = time::hour_of(now);
    (((hour - 8.0) / 9.0).clamp(0.0, 1.0), ((hour - 6.5) / 3.0).clamp(0.0, 1.0))
}

/// How a department does on a day, as far as the day has come.
pub fn attendance(seed: u64, index: usize, day: i64, now: Timestamp) -> Attendance {
    let department: &Department = &DEPARTMENTS[index];
    let noise = Noise::new(seed).of("hr").at(day).at(index as i64);
    let (passed, arrived) = progress(day, now);
    // At weekends only the warehouse and support work, with half of their people.
    let shift = match (time::is_workday(day), index) {
        (true, _) => 1.0,
        (false, 0 | 1) => 0.5,
        (false, _) => 0.0,
    };
    let house = Noise::new(seed).of("flu").at(day.div_euclid(7)).between(0.86, 0.97);
    let mut at_work = 0;
    let mut remote = 0;
    for person in 0..department.headcount {
        let noise = noise.at(person.into());
        let comes = noise.of("works").chance(shift * house);
        if comes && noise.of("arrives").unit() < arrived {
            at_work += 1;
            remote += u32::from(noise.of("remote").chance(0.22));
        }
    }
    let pace = noise.of("pace").between(0.9, 1.1);
    let spirit = Noise::new(seed).of("spirit").at(day).between(0.92, 1.08);
    let tasks = f64::from(at_work * department.tasks) * pace * spirit * passed;
    Attendance {
        present: at_work - remote,
        remote,
        absent: department.headcount - at_work,
        tasks: tasks.floor(),
    }
}

/// Tasks done beside what the people at work would get done on an ordinary day so far, in percent.
fn productivity(all: &[Attendance], passed: f64) -> f64 {
    let expected: f64 = all
        .iter()
        .zip(DEPARTMENTS)
        .map(|(attendance, department)| f64::from(attendance.at_work() * department.tasks) * passed)
        .sum();
    let done: f64 = all.iter().map(|attendance| attendance.tasks).sum();
    if expected < 1.0 { 0.0 } else { rounded(done / expected * 100.0) }
}

fn of_day(seed: u64, day: i64, now: Timestamp) -> Vec<Attendance> {
    (0..DEPARTMENTS.len()).map(|index| attendance(seed, index, day, now)).collect()
}

fn share(part: u32, whole: u32) -> f64 {
    rounded(f64::from(part) / f64::from(whole.max(1)) * 100.0)
}

fn today(seed: u64, now: Timestamp) -> Value {
    let day = time::day_of(now);
    let all = of_day(seed, day, now);
    let (passed, _) = progress(day, now);
    let headcount: u32 = DEPARTMENTS.iter().map(|department| department.headcount).sum();
    let sum = |of: fn(&Attendance) -> u32| all.iter().map(of).sum::<u32>();
    let departments: Vec<Value> = DEPARTMENTS
        .iter()
        .zip(&all)
        .map(|(department, attendance)| {
            json!({
                "department": department.name,
                "headcount": department.headcount,
                "present": attendance.present,
                "remote": attendance.remote,
                "absent": attendance.absent,
                "attendance": share(attendance.at_work(), department.headcount),
                "tasks": attendance.tasks,
            })
        })
        .collect();
    let at_work = sum(|a| a.at_work());
    json!({
        "headcount": headcount,
        "present": sum(|a| a.present),
        "remote": sum(|a| a.remote),
        "absent": sum(|a| a.absent),
        "attendance": share(at_work, headcount),
        "productivity": productivity(&all, passed),
        "tasks": all.iter().map(|attendance| attendance.tasks).sum::<f64>(),
        "departments": departments,
    })
}

fn days(seed: u64, days: i64, now: Timestamp) -> Value {
    let today = time::day_of(now);
    let headcount: u32 = DEPARTMENTS.iter().map(|department| department.headcount).sum();
    let rows: Vec<Value> = (today - days + 1..=today)
        // A day that has not ended would look like one on which little was done.
        .filter(|day| time::is_workday(*day) && progress(*day, now).0 >= 1.0)
        .map(|day| {
            let all = of_day(seed, day, now);
            let at_work: u32 = all.iter().map(|attendance| attendance.at_work()).sum();
            json!({
                "at": time::written(time::start_of_day(day)),
                "date": time::written_day(day),
                "attendance": share(at_work, headcount),
                "productivity": productivity(&all, 1.0),
                "tasks": all.iter().map(|attendance| attendance.tasks).sum::<f64>(),
            })
        })
        .collect();
    json!({ "days": rows })
}

/// The module's own numbers, as names, helps and values.
pub fn metrics(seed: u64, now: Timestamp) -> Vec<(&'static str, &'static str, f64)> {
    let all = of_day(seed, time::day_of(now), now);
    let at_work: u32 = all.iter().map(|attendance| attendance.at_work()).sum();
    vec![
        ("hr_people_at_work", "People at work.", f64::from(at_work)),
        ("hr_tasks_today", "Tasks done today.", all.iter().map(|a| a.tasks).sum()),
    ]
}
