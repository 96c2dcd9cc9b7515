//! stub
use super::{CommandError, Connection};
use ccm_proto::model::{ConnectorSpec, Name};
pub(super) async fn fetch(_c: &Connection, _n: &Name) -> Result<ConnectorSpec, CommandError> {
    Err(CommandError::Usage(String::new()))
}
