//! How a module is, from what was seen of it.

use ccm_proto::SafeText;
use ccm_proto::model::module::{Health, HealthStatus};
use ccm_proto::model::{Interval, Timestamp};

/// Failed checks in a row from which on a module counts as broken: one may be lost on the way.
pub const FAILURES_MAX: u32 = 2;

/// How a module is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// Nothing was heard yet.
    #[default]
    Unknown,
    /// As it should be.
    Running,
    /// It works, less well than it should.
    Degraded,
    /// It does not run.
    Stopped,
    /// It does not work.
    Error,
}

impl State {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Running => "running",
            Self::Degraded => "degraded",
            Self::Stopped => "stopped",
            Self::Error => "error",
        }
    }

    /// Whether it is worth asking for data.
    pub const fn is_asked(self) -> bool {
        !matches!(self, Self::Stopped | Self::Error)
    }
}

/// Something that was seen of a module.
#[derive(Clone, Debug, PartialEq)]
pub enum Sign {
    /// It said how it is.
    Health(Health),
    /// Nothing listens there: what the system says.
    NotListening(SafeText),
    /// A check failed: why.
    Failed(SafeText),
    /// What is there does not speak the contract: why.
    Foreign(SafeText),
    /// It reports by itself, and has not for this long, though it should have.
    Late(Interval),
    /// It reports by itself, and has not for so long that it is taken for gone.
    Silent(Interval),
    /// The document says that it is left alone.
    Disabled,
}

/// A module's state, why, and since when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The state.
    pub state: State,
    /// One sentence on why.
    pub reason: SafeText,
    /// Since when it is in this state.
    pub since: Timestamp,
    /// Failed checks since the last good one.
    pub failures: u32,
}

impl Standing {
    /// Of a module that nothing was heard of.
    pub fn new(at: Timestamp) -> Self {
        let reason = SafeText::new("nothing was heard of it yet");
        Self { state: State::Unknown, reason, since: at, failures: 0 }
    }

    /// Takes in what was seen; the former state when it is another now.
    pub fn take(&mut self, sign: &Sign, at: Timestamp) -> Option<State> {
        let (state, reason) = self.judged(sign);
        self.failures = match sign {
            Sign::Failed(_) => self.failures.saturating_add(1),
            _ => 0,
        };
        self.reason = reason;
        if state == self.state {
            return None;
        }
        self.since = at;
        Some(std::mem::replace(&mut self.state, state))
    }

    fn judged(&self, sign: &Sign) -> (State, SafeText) {
        match sign {
            Sign::Health(health) => of_health(health),
            Sign::NotListening(cause) => {
                let text = format!("{cause}; start the module");
                (State::Stopped, SafeText::from(text))
            }
            Sign::Failed(cause) => {
                let works = matches!(self.state, State::Running | State::Degraded);
                let bearable = works && self.failures + 1 < FAILURES_MAX;
                let state = if bearable { State::Degraded } else { State::Error };
                (state, SafeText::from(format!("its health cannot be told: {cause}")))
            }
            Sign::Foreign(cause) => {
                let text = format!("what answers there is no module: {cause}");
                (State::Error, SafeText::from(text))
            }
            Sign::Late(age) => {
                let works = matches!(self.state, State::Running | State::Degraded);
                let state = if works { State::Degraded } else { self.state };
                (state, SafeText::from(format!("it has not reported for {age}")))
            }
            Sign::Silent(age) => {
                let text = format!("it has not reported for {age}; start the module");
                (State::Stopped, SafeText::from(text))
            }
            Sign::Disabled => {
                let text = "its document says enabled = false";
                (State::Stopped, SafeText::new(text))
            }
        }
    }
}

fn of_health(health: &Health) -> (State, SafeText) {
    let state = match health.status {
        HealthStatus::Running => State::Running,
        HealthStatus::Degraded => State::Degraded,
        HealthStatus::Stopped => State::Stopped,
        HealthStatus::Error => State::Error,
    };
    (state, reason_of(health, state))
}

/// What the module says, else its first check that is as bad as the whole.
fn reason_of(health: &Health, state: State) -> SafeText {
    if let Some(detail) = &health.detail {
        return SafeText::new(detail);
    }
    let mut worst = health.checks.iter().filter(|check| check.status == health.status);
    match worst.next().filter(|_| state != State::Running) {
        Some(check) => {
            let detail = check.detail.as_ref().map(|detail| format!(": {detail}"));
            let (name, status) = (&check.name, check.status.as_str());
            SafeText::from(format!("{name} is {status}{}", detail.unwrap_or_default()))
        }
        None => SafeText::from(format!("it says that it is {}", state.as_str())),
    }
}
