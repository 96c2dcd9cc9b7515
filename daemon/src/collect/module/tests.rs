mod acl;
mod answers;
mod asking;
mod bridge;
mod fake;
mod offers;
mod reaching;
mod sources;
mod states;
mod streams;
mod watching;

use ccm_proto::model::{Name, Timestamp};

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_millis(second * 1_000)
}
