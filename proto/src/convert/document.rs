//! Documents, scopes and notices.

use super::{ConvertError, each, optional_text, required};
use crate::SafeText;
use crate::model::document::{LayerRef, canonical};
use crate::model::{
    Document, DocumentId, Kind, Name, Notice, Provenance, Scope, Severity, Timestamp, Version,
};
use crate::wire;

impl TryFrom<wire::Kind> for Kind {
    type Error = ConvertError;

    fn try_from(kind: wire::Kind) -> Result<Self, ConvertError> {
        match kind {
            wire::Kind::Unspecified => {
                Err(ConvertError::new("is not a kind that this version knows"))
            }
            wire::Kind::Layout => Ok(Self::Layout),
            wire::Kind::Widget => Ok(Self::Widget),
            wire::Kind::Source => Ok(Self::Source),
            wire::Kind::Theme => Ok(Self::Theme),
            wire::Kind::Egress => Ok(Self::Egress),
            wire::Kind::Module => Ok(Self::Module),
            wire::Kind::Connector => Ok(Self::Connector),
        }
    }
}

impl From<Kind> for wire::Kind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Layout => Self::Layout,
            Kind::Widget => Self::Widget,
            Kind::Source => Self::Source,
            Kind::Theme => Self::Theme,
            Kind::Egress => Self::Egress,
            Kind::Module => Self::Module,
            Kind::Connector => Self::Connector,
        }
    }
}

fn name(text: &str) -> Result<Name, ConvertError> {
    Name::new(text).map_err(|error| ConvertError::new(error.to_string()))
}

impl TryFrom<wire::DocumentId> for DocumentId {
    type Error = ConvertError;

    fn try_from(id: wire::DocumentId) -> Result<Self, ConvertError> {
        Ok(Self {
            kind: id.kind().try_into().map_err(|e: ConvertError| e.within("kind"))?,
            name: name(&id.name).map_err(|error| error.within("name"))?,
        })
    }
}

impl From<&DocumentId> for wire::DocumentId {
    fn from(id: &DocumentId) -> Self {
        Self { kind: wire::Kind::from(id.kind).into(), name: id.name.to_string() }
    }
}

impl TryFrom<wire::Scope> for Scope {
    type Error = ConvertError;

    fn try_from(scope: wire::Scope) -> Result<Self, ConvertError> {
        let part = |field: &str, text: &str| -> Result<Option<Name>, ConvertError> {
            if text.is_empty() {
                return Ok(None);
            }
            name(text).map(Some).map_err(|error| error.within(field))
        };
        let parts = (
            part("tenant", &scope.tenant)?,
            part("team", &scope.team)?,
            part("user", &scope.user)?,
        );
        match parts {
            (None, None, None) => Ok(Self::Platform),
            (Some(tenant), None, None) => Ok(Self::Tenant(tenant)),
            (Some(tenant), Some(team), None) => Ok(Self::Team(tenant, team)),
            (Some(tenant), team, Some(user)) => Ok(Self::User { tenant, team, user }),
            (None, _, _) => Err(ConvertError::missing("tenant")),
        }
    }
}

impl From<&Scope> for wire::Scope {
    fn from(scope: &Scope) -> Self {
        let mut wire = Self::default();
        match scope {
            Scope::Platform => {}
            Scope::Tenant(tenant) => wire.tenant = tenant.to_string(),
            Scope::Team(tenant, team) => {
                wire.tenant = tenant.to_string();
                wire.team = team.to_string();
            }
            Scope::User { tenant, team, user } => {
                wire.tenant = tenant.to_string();
                wire.team = team.as_ref().map(ToString::to_string).unwrap_or_default();
                wire.user = user.to_string();
            }
        }
        wire
    }
}

impl From<wire::Provenance> for Provenance {
    fn from(provenance: wire::Provenance) -> Self {
        Self {
            actor: provenance.actor,
            manager: provenance.manager,
            reason: provenance.reason,
            at: Timestamp::from_millis(provenance.at_ms),
        }
    }
}

impl From<&Provenance> for wire::Provenance {
    fn from(provenance: &Provenance) -> Self {
        Self {
            actor: provenance.actor.clone(),
            manager: provenance.manager.clone(),
            reason: provenance.reason.clone(),
            at_ms: provenance.at.as_millis(),
        }
    }
}

impl TryFrom<wire::LayerRef> for LayerRef {
    type Error = ConvertError;

    fn try_from(layer: wire::LayerRef) -> Result<Self, ConvertError> {
        let provenance = layer.provenance.ok_or_else(|| ConvertError::missing("provenance"))?;
        Ok(Self {
            scope: required("scope", layer.scope)?,
            revision: layer.revision,
            provenance: provenance.into(),
        })
    }
}

impl From<&LayerRef> for wire::LayerRef {
    fn from(layer: &LayerRef) -> Self {
        Self {
            scope: Some((&layer.scope).into()),
            revision: layer.revision,
            provenance: Some((&layer.provenance).into()),
        }
    }
}

impl TryFrom<Vec<u8>> for Version {
    type Error = ConvertError;

    fn try_from(bytes: Vec<u8>) -> Result<Self, ConvertError> {
        let count = bytes.len();
        let bytes = <[u8; 16]>::try_from(bytes);
        bytes
            .map(Self)
            .map_err(|_| ConvertError::new(format!("a version has 16 bytes, not {count}")))
    }
}

impl TryFrom<wire::EffectiveDocument> for Document {
    type Error = ConvertError;

    fn try_from(document: wire::EffectiveDocument) -> Result<Self, ConvertError> {
        let spec = serde_json::from_str(&document.spec_json)
            .map_err(|error| ConvertError::new(error.to_string()).within("spec_json"))?;
        Ok(Self {
            id: required("id", document.id)?,
            spec,
            version: Version::try_from(document.version.to_vec())
                .map_err(|e| e.within("version"))?,
            layers: each("layers", document.layers)?,
        })
    }
}

impl From<&Document> for wire::EffectiveDocument {
    fn from(document: &Document) -> Self {
        Self {
            id: Some((&document.id).into()),
            spec_json: canonical(&document.spec),
            version: document.version.0.to_vec().into(),
            layers: document.layers.iter().map(Into::into).collect(),
        }
    }
}

impl From<wire::Notice> for Notice {
    fn from(notice: wire::Notice) -> Self {
        use wire::notice::Severity as Wire;
        let severity = match notice.severity() {
            Wire::Unspecified | Wire::Info => Severity::Info,
            Wire::Warning => Severity::Warning,
            Wire::Error => Severity::Error,
        };
        Self {
            severity,
            summary: SafeText::new(&notice.summary),
            detail: notice.detail.lines().map(SafeText::new).collect(),
            file: optional_text(&notice.file),
            line: notice.line,
            column: notice.column,
            at: Timestamp::from_millis(notice.at_ms),
            cleared: notice.cleared,
            key: notice.key,
        }
    }
}

impl From<&Notice> for wire::Notice {
    fn from(notice: &Notice) -> Self {
        use wire::notice::Severity as Wire;
        let severity = match notice.severity {
            Severity::Info => Wire::Info,
            Severity::Warning => Wire::Warning,
            Severity::Error => Wire::Error,
        };
        let lines: Vec<&str> = notice.detail.iter().map(SafeText::as_str).collect();
        Self {
            key: notice.key.clone(),
            severity: severity.into(),
            summary: notice.summary.to_string(),
            detail: lines.join("\n"),
            file: notice.file.as_ref().map(ToString::to_string).unwrap_or_default(),
            line: notice.line,
            column: notice.column,
            at_ms: notice.at.as_millis(),
            cleared: notice.cleared,
        }
    }
}
