//! What the module `crm` answers: leads, and how far each has come.

use ccm_proto::model::{Interval, Timestamp};
use serde_json::{Value, json};

use super::answer::{Problem, Query, money, rounded};
use super::catalogue::COMPANIES;
use super::noise::Noise;
use super::time::{self, DAY};

/// What a lead passes through, how likely it gets there from the stage before, and how long that
/// takes on average, in hours.
const STAGES: [(&str, f64, f64); 5] = [
    ("leads", 1.0, 0.0),
    ("contacted", 0.78, 5.0),
    ("qualified", 0.56, 20.0),
    ("proposal", 0.52, 44.0),
    ("won", 0.44, 70.0),
];

/// Leads on an ordinary day.
const LEADS_PER_DAY: f64 = 38.0;

/// The most days that are looked back.
const DAYS_MAX: i64 = 90;

/// A lead at a moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Lead {
    /// When it came.
    pub at: Timestamp,
    /// When it reached each stage; what lies in the future is none.
    pub reached: [Option<Timestamp>; STAGES.len()],
    /// Who it is.
    pub company: &'static str,
    /// What it may be worth, in cents.
    pub cents: u64,
}

impl Lead {
    /// The last stage that it reached.
    pub fn stage(&self) -> usize {
        self.reached.iter().rposition(Option::is_some).unwrap_or(0)
    }
}

/// The leads of the last days, oldest first.
pub fn leads(seed: u64, days: i64, now: Timestamp) -> Vec<Lead> {
    let noise = Noise::new(seed).of("crm");
    let today = time::day_of(now);
    let mut leads = Vec::new();
    for day in today - days.clamp(1, DAYS_MAX) + 1..=today {
        let busy = if time::is_workday(day) { 1.2 } else { 0.5 };
        let noise = noise.at(day);
        let count = noise.of("count").count(LEADS_PER_DAY * busy);
        let mut all: Vec<Lead> =
            (0..count).filter_map(|index| lead(noise.at(index.into()), day, now)).collect();
        all.sort_by_key(|lead| lead.at);
        leads.append(&mut all);
    }
    leads
}

fn lead(noise: Noise, day: i64, now: Timestamp) -> Option<Lead> {
    // The middle of three is likelier in the middle of the day.
    let mut thirds = [1, 2, 3].map(|third| noise.of("when").at(third).unit());
    thirds.sort_by(f64::total_cmp);
    let at = time::start_of_day(day) + Interval::from_secs((thirds[1] * 86_400.0) as u64);
    if at > now {
        return None;
    }
    let mut reached = [None; STAGES.len()];
    let mut moment = at;
    for (index, (_, likely, hours)) in STAGES.iter().enumerate() {
        let noise = noise.of("stage").at(index as i64);
        if !noise.of("passes").chance(*likely) {
            break;
        }
        let wait = -(1.0 - noise.of("wait").unit()).ln() * hours;
        moment = moment + Interval::from_secs((wait * 3_600.0) as u64);
        if moment > now {
            break;
        }
        reached[index] = Some(moment);
    }
    let company = COMPANIES[noise.of("company").below(COMPANIES.len())];
    let cents = (noise.of("worth").between(4.2, 8.4).exp() * 100.0) as u64;
    Some(Lead { at, reached, company, cents })
}

/// The answer at a path.
pub fn answer(seed: u64, path: &str, query: &Query, now: Timestamp) -> Result<Value, Problem> {
    match path {
        "/api/funnel" => Ok(funnel(seed, query.integer("days", 30, 1, DAYS_MAX)?, now)),
        "/api/leads" => {
            let limit = query.integer("limit", 50, 1, 500)?;
            Ok(newest(seed, limit as usize, now))
        }
        "/api/metrics/summary" => Ok(summary(seed, now)),
        _ => Err(Problem::not_found()),
    }
}

/// How many leads have reached each stage.
pub fn counts(leads: &[Lead]) -> [u64; STAGES.len()] {
    std::array::from_fn(|stage| {
        leads.iter().filter(|lead| lead.reached[stage].is_some()).count() as u64
    })
}

fn funnel(seed: u64, days: i64, now: Timestamp) -> Value {
    let leads = leads(seed, days, now);
    let counts = counts(&leads);
    let share = |part: u64, whole: u64| rounded(part as f64 / whole.max(1) as f64 * 100.0);
    let stages: Vec<Value> = (0..STAGES.len())
        .map(|stage| {
            let before = counts[stage.saturating_sub(1)];
            json!({
                "stage": STAGES[stage].0,
                "count": counts[stage],
                "of_leads": share(counts[stage], counts[0]),
                "of_previous": share(counts[stage], before),
            })
        })
        .collect();
    let last = STAGES.len() - 1;
    let won = leads.iter().filter(|lead| lead.reached[last].is_some());
    json!({
        "stages": stages,
        "days": days,
        "conversion": share(counts[last], counts[0]),
        "won_value": money(won.map(|lead| lead.cents).sum()),
    })
}

fn newest(seed: u64, limit: usize, now: Timestamp) -> Value {
    let leads = leads(seed, 14, now);
    let rows: Vec<Value> = leads
        .iter()
        .rev()
        .take(limit)
        .map(|lead| {
            json!({
                "at": time::written(lead.at),
                "company": lead.company,
                "stage": STAGES[lead.stage()].0,
                "value": money(lead.cents),
            })
        })
        .collect();
    json!({ "count": rows.len(), "leads": rows })
}

fn summary(seed: u64, now: Timestamp) -> Value {
    let leads = leads(seed, 30, now);
    let today = time::start_of_day(time::day_of(now));
    let last = STAGES.len() - 1;
    let open = leads.iter().filter(|lead| lead.reached[last].is_none());
    let won_today = leads.iter().filter_map(|lead| lead.reached[last]).filter(|at| *at >= today);
    json!({
        "new_today": leads.iter().filter(|lead| lead.at >= today).count(),
        "won_today": won_today.count(),
        "pipeline_value": money(open.map(|lead| lead.cents).sum()),
        "conversion": rounded(counts(&leads)[last] as f64 / leads.len().max(1) as f64 * 100.0),
    })
}

/// What was won in a span: when, by whom, and what it is worth in cents. The first moment is part
/// of it.
pub fn won(seed: u64, from: Timestamp, to: Timestamp) -> Vec<(Timestamp, &'static str, u64)> {
    let days = 1 + (to.since(from).as_millis() / DAY.as_millis()) as i64;
    let leads = leads(seed, days + 30, to);
    let last = STAGES.len() - 1;
    let mut won: Vec<_> = leads
        .iter()
        .filter_map(|lead| Some((lead.reached[last]?, lead.company, lead.cents)))
        .filter(|(at, ..)| *at >= from && *at < to)
        .collect();
    won.sort_by_key(|(at, ..)| *at);
    won
}

/// The module's own numbers, as names, helps and values.
pub fn metrics(seed: u64, now: Timestamp) -> Vec<(&'static str, &'static str, f64)> {
    let leads = leads(seed, 30, now);
    let counts = counts(&leads);
    vec![
        ("crm_leads", "Leads of the last 30 days.", counts[0] as f64),
        ("crm_won", "Of these, won.", counts[STAGES.len() - 1] as f64),
    ]
}
