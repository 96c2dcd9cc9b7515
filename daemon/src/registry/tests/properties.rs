//! The invariants of writing, over scripts of whatever several writers may ask for. Their numbers
//! are those of the design's list of invariants of configuration.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;

use super::*;

/// What is shipped is one of them, what is not the others.
const NAMES: [&str; 3] = ["source/host", "source/left", "source/right"];
const MANAGERS: [&str; 3] = ["human", "file:a.toml", "file:b.toml"];

#[derive(Clone, Debug)]
enum Act {
    Put(Vec<(&'static str, String)>),
    Delete,
    Revert(u64),
}

#[derive(Clone, Debug)]
struct Ask {
    writes: Vec<(&'static str, Option<u64>, Act)>,
    manager: &'static str,
    force: bool,
    dry_run: bool,
}

impl Ask {
    fn request(&self) -> Request {
        let writes = self.writes.iter().map(|(name, base_revision, act)| Write {
            id: name.parse().unwrap(),
            base_revision: *base_revision,
            action: match act {
                Act::Put(fields) => toml_text(&text(fields)),
                Act::Delete => Action::Delete,
                Act::Revert(revision) => Action::RevertTo(*revision),
            },
        });
        Request {
            writes: writes.collect(),
            reason: "a script".to_owned(),
            manager: self.manager.to_owned(),
            force: self.force,
            dry_run: self.dry_run,
            ..Request::default()
        }
    }
}

fn text(fields: &[(&str, String)]) -> String {
    fields.iter().map(|(key, value)| format!("{key} = {value}\n")).collect()
}

fn fields() -> impl Strategy<Value = Vec<(&'static str, String)>> {
    let seconds = || prop::option::of((1..4_u8).prop_map(|n| format!("\"{n}s\"")));
    let words = prop::option::of("[ab]{1,2}".prop_map(|word| format!("\"{word}\"")));
    let kind = prop::bool::weighted(0.7).prop_map(|yes| yes.then(|| "\"system\"".to_owned()));
    let enabled = prop::option::of(any::<bool>().prop_map(|yes| yes.to_string()));
    (kind, seconds(), seconds(), words, enabled).prop_map(|(kind, interval, timeout, word, on)| {
        let all = [
            ("type", kind),
            ("interval", interval),
            ("timeout", timeout),
            ("description", word),
            ("enabled", on),
        ];
        all.into_iter().filter_map(|(key, value)| Some((key, value?))).collect()
    })
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        6 => fields().prop_map(Act::Put),
        1 => Just(Act::Delete),
        2 => (0..5_u64).prop_map(Act::Revert),
    ]
}

fn ask() -> impl Strategy<Value = Ask> {
    let write = (prop::option::weighted(0.4, 0..5_u64), act());
    let names = prop::sample::subsequence(NAMES.to_vec(), 1..=2);
    let manager = prop::sample::select(MANAGERS.to_vec());
    let (force, dry_run) = (prop::bool::weighted(0.2), prop::bool::weighted(0.2));
    (names, prop::collection::vec(write, 2), manager, force, dry_run).prop_map(
        |(names, writes, manager, force, dry_run)| {
            let writes = names.into_iter().zip(writes);
            let writes = writes.map(|(name, (base, act))| (name, base, act)).collect();
            Ask { writes, manager, force, dry_run }
        },
    )
}

fn script() -> impl Strategy<Value = Vec<Ask>> {
    prop::collection::vec(ask(), 1..12)
}

/// All that can be observed of the core.
#[derive(Clone, Debug, PartialEq)]
struct View {
    generation: u64,
    documents: BTreeMap<DocumentId, Arc<Document>>,
    layers: BTreeMap<(DocumentId, Scope), Arc<Layer>>,
}

fn view(house: &House) -> View {
    let snapshot = house.registry.snapshot();
    View {
        generation: snapshot.generation,
        documents: snapshot.documents.clone().into_iter().collect(),
        layers: house.registry.layers.clone(),
    }
}

fn layer_of<'a>(view: &'a View, id: &DocumentId) -> Option<&'a Arc<Layer>> {
    view.layers.get(&(id.clone(), Scope::Platform))
}

/// Runs a script, and shows each request with the state before, the answer and the state after.
fn run(
    script: &[Ask],
    mut look: impl FnMut(&Ask, &View, &Result<Applied, ApplyError>, &View) -> TestCaseResult,
) -> Result<House, TestCaseError> {
    let mut house = House::new();
    for ask in script {
        let before = view(&house);
        let answer = house.ask(&ask.request());
        look(ask, &before, &answer, &view(&house))?;
    }
    Ok(house)
}

impl House {
    /// As the loop does it: a dry run is planned and not committed.
    fn ask(&mut self, request: &Request) -> Result<Applied, ApplyError> {
        if request.dry_run { Ok(self.plan(request)?.applied) } else { self.apply(request) }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn c2_a_change_of_one_document_leaves_all_others_as_they_were(script in script()) {
        run(&script, |ask, before, _, after| {
            for (id, document) in &before.documents {
                if !ask.writes.iter().any(|(name, ..)| *name == id.to_string()) {
                    prop_assert_eq!(Some(document), after.documents.get(id));
                }
            }
            Ok(())
        })?;
    }

    #[test]
    fn c7_removing_every_statement_restores_what_is_shipped(script in script()) {
        let shipped = view(&House::new()).documents;
        let mut house = run(&script, |_, _, _, _| Ok(()))?;
        for id in NAMES {
            let delete = Request { force: true, ..request(id, None, Action::Delete) };
            // What says nothing already has nothing to delete.
            let _ = house.apply(&delete);
        }
        prop_assert_eq!(view(&house).documents, shipped);
    }

    #[test]
    fn c14_of_writers_with_one_base_and_different_minds_only_the_first_succeeds(
        seconds in prop::collection::btree_set(2..60_u8, 2..6),
    ) {
        let mut house = House::new();
        house.put("source/host", "interval = \"1s\"").unwrap();
        let mut succeeded = 0;
        for (index, second) in seconds.iter().enumerate() {
            let text = toml_text(&format!("interval = \"{second}s\""));
            match house.write("source/host", Some(1), text) {
                Ok(outcome) => {
                    prop_assert_eq!((index, outcome.result), (0, OutcomeResult::Changed));
                    succeeded += 1;
                }
                Err(error) => prop_assert!(matches!(error, ApplyError::Conflict(_)), "{}", error),
            }
        }
        prop_assert_eq!(succeeded, 1);
    }

    #[test]
    fn c16_without_force_no_answer_is_yes_where_another_manager_would_lose_a_value(
        script in script(),
    ) {
        run(&script, |ask, before, answer, after| {
            for layer in before.layers.values().filter(|_| !ask.force && answer.is_ok()) {
                let now = layer_of(after, &layer.id).unwrap();
                let others = layer.managed.iter().filter(|(owner, _)| *owner != ask.manager);
                for path in others.flat_map(|(_, paths)| paths) {
                    prop_assert_eq!(layer.statement.get(path), now.statement.get(path), "{}", path);
                }
            }
            Ok(())
        })?;
    }

    #[test]
    fn c17_a_request_is_done_whole_or_not_at_all(script in script()) {
        run(&script, |ask, before, answer, after| {
            let Ok(applied) = answer else {
                prop_assert_eq!(before, after);
                return Ok(());
            };
            prop_assert_eq!(applied.outcomes.len(), ask.writes.len());
            for outcome in applied.outcomes.iter().filter(|_| !ask.dry_run) {
                let layer = layer_of(after, &outcome.id);
                prop_assert_eq!(layer.map_or(0, |layer| layer.revision), outcome.revision);
                let changes = outcome.result != OutcomeResult::Unchanged;
                let written = layer.is_some_and(|layer| layer.generation == applied.generation);
                prop_assert_eq!(changes, written && applied.generation > 0);
            }
            Ok(())
        })?;
    }

    #[test]
    fn c18_a_revert_brings_back_the_statement_and_revisions_only_rise(script in script()) {
        let mut house = run(&script, |_, before, _, after| {
            for layer in after.layers.values() {
                let former = layer_of(before, &layer.id);
                let revision = former.map_or(0, |former| former.revision);
                let same = former == Some(layer);
                prop_assert!(same || layer.revision == revision + 1);
                prop_assert!(same || layer.generation == before.generation + 1);
            }
            Ok(())
        })?;
        let all: Vec<Arc<Layer>> = house.past.0.borrow().clone();
        for old in all {
            let action = Action::RevertTo(old.revision);
            let revert = Request { force: true, ..request(&old.id.to_string(), None, action) };
            house.apply(&revert).unwrap();
            let now = view(&house);
            let now = layer_of(&now, &old.id).unwrap();
            prop_assert_eq!(&now.statement, &old.statement);
            prop_assert_eq!(&now.managed, &old.managed);
            prop_assert_eq!(now.deleted, old.deleted);
        }
    }

    #[test]
    fn c19_the_newest_revisions_are_enough_to_have_the_same_documents_again(script in script()) {
        let house = run(&script, |_, _, _, _| Ok(()))?;
        let mut restored = House::new();
        let problems = restored.registry.restore(house.registry.layers().cloned(), 7);
        prop_assert!(problems.is_empty(), "{problems:?}");
        prop_assert_eq!(view(&restored).documents, view(&house).documents);
    }

    #[test]
    fn c20_a_dry_run_is_not_seen_and_tells_what_the_commit_then_does(script in script()) {
        let mut house = House::new();
        for ask in &script {
            let before = view(&house);
            let dry = house.ask(&Request { dry_run: true, ..ask.request() });
            prop_assert_eq!(&view(&house), &before);
            let wet = house.ask(&Request { dry_run: false, ..ask.request() });
            match (dry, wet) {
                (Ok(dry), Ok(wet)) => {
                    prop_assert_eq!(&dry.outcomes, &wet.outcomes);
                    prop_assert_eq!(dry.generation, wet.generation);
                    let after = view(&house);
                    for outcome in &wet.outcomes {
                        let spec = |view: &View| {
                            view.documents.get(&outcome.id).map(|document| document.spec.clone())
                        };
                        let differs = spec(&before) != spec(&after);
                        prop_assert_eq!(!outcome.changed.is_empty(), differs, "{}", outcome.id);
                    }
                }
                (dry, wet) => prop_assert_eq!(dry, wet),
            }
        }
    }

    #[test]
    fn c26_what_a_layer_is_exported_as_says_the_same_when_it_is_imported(script in script()) {
        let house = run(&script, |_, _, _, _| Ok(()))?;
        for layer in house.registry.layers().filter(|layer| !layer.deleted) {
            let toml = toml::to_string(&layer.spec()).unwrap();
            let json = Action::Put(Text::Json(layer.spec().to_string()));
            for action in [toml_text(&toml), json] {
                let mut elsewhere = House::new();
                elsewhere.write(&layer.id.to_string(), None, action).unwrap();
                let copy = elsewhere.registry.layer(&layer.id, &Scope::Platform).unwrap();
                prop_assert_eq!(&copy.statement, &layer.statement);
            }
        }
    }
}

/// A registry that commits without looking, as a careless one would.
#[test]
fn null_control_a_store_that_forgets_owners_fails_c16() {
    let mut house = House::new();
    house.apply(&by_file("source/host", toml_text("interval = \"2s\""))).unwrap();
    let before = view(&house);
    let id: DocumentId = "source/host".parse().unwrap();
    let mut careless = (**layer_of(&before, &id).unwrap()).clone();
    careless.managed.clear();
    house.registry.restore([Arc::new(careless)], before.generation);
    house.put("source/host", "interval = \"3s\"").unwrap();
    let after = view(&house);
    let changed = layer_of(&before, &id).unwrap().managed.values().flatten().any(|path| {
        let at = |view: &View| layer_of(view, &id).unwrap().statement.get(path).cloned();
        at(&before) != at(&after)
    });
    assert!(changed, "the property would have seen it");
}
