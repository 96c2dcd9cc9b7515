//! Takes over what modules offer: their widgets, and the sources that these show, become documents
//! whose manager is the module. What people change of them stays theirs.

use std::collections::BTreeSet;

use ccm_proto::model::module::{Manifest, ModuleAddress};
use ccm_proto::model::{DocumentId, Name};

use crate::access::Identity;
use crate::collect::module::contributions;
use crate::registry::layer::MODULE_MANAGER;
use crate::registry::{Action, RegistryHandle, Request, Text, Write};

/// What became of an offer.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Taken {
    /// Documents that say what the module offers.
    pub held: usize,
    /// Documents that could not be written, and why.
    pub refused: Vec<String>,
}

/// Says what a module's manifest offers, and no more what it offered before.
pub(super) async fn take(
    registry: &RegistryHandle,
    module: &Name,
    (manifest, address): (&Manifest, &ModuleAddress),
) -> Taken {
    let reason = format!("offered by the module {module} {}", manifest.version);
    let offered = contributions(module, manifest, address);
    let ids: BTreeSet<DocumentId> = offered.iter().map(|(id, _)| id.clone()).collect();
    let mut taken = Taken::default();
    for (id, document) in offered {
        let action = Action::Put(Text::Json(document.to_string()));
        match write(registry, module, &id, action, &reason).await {
            Ok(()) => taken.held += 1,
            Err(problem) => taken.refused.push(problem),
        }
    }
    for id in held(registry, module).await.into_iter().filter(|id| !ids.contains(id)) {
        let reason = format!("the module {module} {} does not offer it", manifest.version);
        if let Err(problem) = write(registry, module, &id, Action::Delete, &reason).await {
            taken.refused.push(problem);
        }
    }
    taken
}

/// Takes back everything that a module offered.
pub(super) async fn forget(registry: &RegistryHandle, module: &Name) {
    let reason = format!("the module {module} contributes nothing any more");
    for id in held(registry, module).await {
        if let Err(problem) = write(registry, module, &id, Action::Delete, &reason).await {
            tracing::warn!(%module, %problem, "what the module offered stays");
        }
    }
}

/// Documents that say something of a module's: widgets before the sources that they need.
async fn held(registry: &RegistryHandle, module: &Name) -> Vec<DocumentId> {
    let manager = format!("{MODULE_MANAGER}{module}");
    let managers = registry.managers(&manager).await.unwrap_or_default();
    let own = managers.into_iter().filter(|(_, other)| *other == manager);
    let mut ids: Vec<DocumentId> = own.map(|(id, _)| id).collect();
    ids.sort_by_key(|id| (id.kind != ccm_proto::model::Kind::Widget, id.name.clone()));
    ids
}

async fn write(
    registry: &RegistryHandle,
    module: &Name,
    id: &DocumentId,
    action: Action,
    reason: &str,
) -> Result<(), String> {
    let request = Request {
        writes: vec![Write { id: id.clone(), base_revision: None, action }],
        reason: reason.chars().filter(|c| !c.is_control()).take(200).collect(),
        manager: format!("{MODULE_MANAGER}{module}"),
        ..Request::default()
    };
    let applied = registry.apply(request, Identity::daemon()).await;
    applied.map(drop).map_err(|error| of_document(id, error.to_string()))
}

/// A problem with the document that it is of, which some problems name themselves.
fn of_document(id: &DocumentId, problem: String) -> String {
    let named = problem.strip_prefix(&id.to_string()).is_some_and(|rest| rest.starts_with(':'));
    if named { problem } else { format!("{id}: {problem}") }
}

#[cfg(test)]
mod tests {
    use ccm_proto::model::Timestamp;

    use super::*;
    use crate::clock::Clock;
    use crate::notices::NoticeBoard;
    use crate::registry::actor::testing::Paper;
    use crate::registry::actor::{self, Parts};
    use crate::storage::index::Index;

    const ADDRESS: ModuleAddress = ModuleAddress::Unix(String::new());

    fn registry() -> RegistryHandle {
        let parts = Parts {
            ledger: Box::new(Paper::default()),
            index: Index::in_memory(),
            clock: Clock::manual(Timestamp::from_millis(5_000)),
            notices: NoticeBoard::default(),
            shipped: Vec::new(),
        };
        actor::spawn(parts).unwrap()
    }

    fn manifest(version: &str, widgets: &[&str]) -> Manifest {
        let widget = |name: &&str| {
            serde_json::json!({
                "name": name,
                "endpoint": "/api/orders",
                "widget": {
                    "title": name,
                    "type": "stat",
                    "stat": { "primary": { "value": "count", "label": "orders" } },
                },
            })
        };
        serde_json::from_value(serde_json::json!({
            "contract": 1,
            "id": "sales",
            "version": version,
            "title": "Sales",
            "endpoints": [{ "path": "/api/orders" }],
            "widgets": widgets.iter().map(widget).collect::<Vec<_>>(),
        }))
        .unwrap()
    }

    fn names(registry: &RegistryHandle) -> Vec<String> {
        registry.snapshot().borrow().documents.keys().map(ToString::to_string).collect()
    }

    #[tokio::test]
    async fn what_a_module_offers_comes_and_goes_with_its_manifest() {
        let (registry, sales) = (registry(), Name::new("sales").unwrap());
        let taken =
            take(&registry, &sales, (&manifest("1", &["orders", "returns"]), &ADDRESS)).await;
        assert_eq!(taken, Taken { held: 3, refused: Vec::new() });
        let all = names(&registry);
        assert_eq!(all.len(), 3, "{all:?}");
        assert!(all.contains(&"widget/sales-returns".to_owned()), "{all:?}");
        let generation = registry.snapshot().borrow().generation;
        take(&registry, &sales, (&manifest("1", &["orders", "returns"]), &ADDRESS)).await;
        assert_eq!(registry.snapshot().borrow().generation, generation, "nothing new was said");
        let taken = take(&registry, &sales, (&manifest("2", &["orders"]), &ADDRESS)).await;
        assert_eq!(taken, Taken { held: 2, refused: Vec::new() });
        assert!(!names(&registry).contains(&"widget/sales-returns".to_owned()));
        forget(&registry, &sales).await;
        assert_eq!(names(&registry), Vec::<String>::new());
    }

    #[tokio::test]
    async fn what_people_say_of_an_offer_stays_theirs() {
        let (registry, sales) = (registry(), Name::new("sales").unwrap());
        let id: DocumentId = "widget/sales-orders".parse().unwrap();
        let own = "title = 'mine'\nsource = 'x'\ntype = 'stat'\nstat = { primary = { value = 'v', label = 'l' } }";
        let request = Request {
            writes: vec![Write {
                id: id.clone(),
                base_revision: None,
                action: Action::Put(Text::Toml(own.to_owned())),
            }],
            reason: "mine".to_owned(),
            ..Request::default()
        };
        registry.apply(request, Identity::local(1000)).await.unwrap();
        let taken = take(&registry, &sales, (&manifest("1", &["orders"]), &ADDRESS)).await;
        assert_eq!((taken.held, taken.refused.len()), (1, 1), "{taken:?}");
        assert_eq!(taken.refused[0].matches("widget/sales-orders: ").count(), 1, "{taken:?}");
        let spec = registry.snapshot().borrow().documents[&id].spec.clone();
        assert_eq!(spec["title"], "mine");
        forget(&registry, &sales).await;
        assert_eq!(names(&registry), ["widget/sales-orders"]);
    }

    #[tokio::test]
    async fn a_module_goes_with_what_it_offered_unless_somebody_else_needs_it() {
        let (registry, sales) = (registry(), Name::new("sales").unwrap());
        let module: DocumentId = "module/sales".parse().unwrap();
        let change = async |id: &DocumentId, action: Action| {
            let writes = vec![Write { id: id.clone(), base_revision: None, action }];
            let request = Request { writes, reason: "r".to_owned(), ..Request::default() };
            registry.apply(request, Identity::local(1000)).await
        };
        let put = |toml: &str| Action::Put(Text::Toml(toml.to_owned()));
        let address = "endpoint = 'unix:/run/sales.sock'";
        change(&module, put(address)).await.unwrap();
        take(&registry, &sales, (&manifest("1", &["orders"]), &ADDRESS)).await;
        let own: DocumentId = "source/mine".parse().unwrap();
        let needs = "type = 'module'\nmodule = { name = 'sales', endpoint = '/api/orders' }";
        change(&own, put(needs)).await.unwrap();
        let refused = change(&module, Action::Delete).await.unwrap_err().to_string();
        assert_eq!(refused, "source/mine needs module/sales; change what needs it first");
        change(&own, Action::Delete).await.unwrap();
        change(&module, Action::Delete).await.unwrap();
        forget(&registry, &sales).await;
        assert_eq!(names(&registry), Vec::<String>::new());
    }

    #[test]
    fn a_problem_names_its_document_once() {
        let id: DocumentId = "widget/a".parse().unwrap();
        for (problem, said) in [
            ("line 3: no", "widget/a: line 3: no"),
            ("widget/a: line 3: no", "widget/a: line 3: no"),
            ("widget/ab: no", "widget/a: widget/ab: no"),
        ] {
            assert_eq!(of_document(&id, problem.to_owned()), said);
        }
    }

    #[tokio::test]
    async fn nobody_but_the_daemon_speaks_for_a_module() {
        let registry = registry();
        let request = Request {
            writes: vec![Write {
                id: "source/x".parse().unwrap(),
                base_revision: None,
                action: Action::Put(Text::Toml("type = 'push'".to_owned())),
            }],
            reason: "r".to_owned(),
            manager: "module:sales".to_owned(),
            ..Request::default()
        };
        assert!(registry.apply(request, Identity::local(1000)).await.is_err());
    }
}
