use std::cell::RefCell;

use ccm_proto::model::Interval;

use super::*;
use crate::access::Identity;

mod instances;
mod needs;
mod properties;

const SOURCE: &str = "type = \"system\"\ninterval = \"1s\"\n";

const WIDGET: &str = r#"
title = "Processor"
source = "host"
type = "stat"
tags = ["cpu", "load"]

[stat.primary]
value = "cpu.usage"
label = "all cores"
"#;

const LAYOUT: &str = r#"
title = "Host"

[[page]]
title = "Overview"

[[page.widget]]
name = "cpu"
at = { x = 0, y = 0, w = 6, h = 2 }
"#;

/// The core with a memory of every revision, as the loop has one.
struct House {
    registry: Registry,
    past: Memory,
}

#[derive(Default)]
struct Memory(RefCell<Vec<Arc<Layer>>>);

impl Revisions for Memory {
    fn revision(&self, id: &DocumentId, scope: &Scope, revision: u64) -> Option<Arc<Layer>> {
        let layers = self.0.borrow();
        let wanted = |l: &&Arc<Layer>| l.id == *id && l.scope == *scope && l.revision == revision;
        layers.iter().find(wanted).map(Arc::clone)
    }
}

impl House {
    fn new() -> Self {
        let shipped = [
            Shipped { kind: Kind::Source, name: "host", toml: SOURCE },
            Shipped { kind: Kind::Widget, name: "cpu", toml: WIDGET },
            Shipped { kind: Kind::Layout, name: "host", toml: LAYOUT },
        ];
        let (registry, problems) = Registry::new(&shipped);
        assert!(problems.is_empty(), "{problems:?}");
        Self { registry, past: Memory::default() }
    }

    fn plan(&self, request: &Request) -> Result<Plan, ApplyError> {
        let now = Timestamp::from_millis(1_000);
        self.registry.plan(request, &Identity::local(1000), now, &self.past)
    }

    fn apply(&mut self, request: &Request) -> Result<Applied, ApplyError> {
        let plan = self.plan(request)?;
        self.past.0.borrow_mut().extend(plan.layers.iter().map(Arc::clone));
        Ok(self.registry.commit(plan).unwrap())
    }

    fn write(
        &mut self,
        document: &str,
        base: Option<u64>,
        action: Action,
    ) -> Result<Outcome, ApplyError> {
        self.apply(&request(document, base, action)).map(|mut applied| applied.outcomes.remove(0))
    }

    fn put(&mut self, document: &str, toml: &str) -> Result<Outcome, ApplyError> {
        self.write(document, None, toml_text(toml))
    }

    fn spec(&self, document: &str) -> Option<Value> {
        let id = document.parse().unwrap();
        self.registry.snapshot().documents.get(&id).map(|document| document.spec.clone())
    }
}

fn toml_text(toml: &str) -> Action {
    Action::Put(Text::Toml(toml.to_owned()))
}

fn request(document: &str, base_revision: Option<u64>, action: Action) -> Request {
    Request {
        writes: vec![Write { id: document.parse().unwrap(), base_revision, action }],
        reason: "a test".to_owned(),
        ..Request::default()
    }
}

fn by_file(document: &str, action: Action) -> Request {
    Request { manager: "file:x.toml".to_owned(), ..request(document, None, action) }
}

#[test]
fn c7_a_sparse_statement_overrides_what_is_shipped_and_its_deletion_restores_it() {
    let mut house = House::new();
    let before = house.registry.snapshot().documents.clone();
    let outcome = house.put("source/host", "interval = \"5s\"").unwrap();
    assert_eq!(outcome.result, OutcomeResult::Created);
    assert_eq!(outcome.revision, 1);
    assert_eq!(outcome.changed, ["interval".parse().unwrap()]);
    let spec = house.spec("source/host").unwrap();
    assert_eq!(spec, serde_json::json!({"type": "system", "interval": "5s"}));
    let source = &house.registry.snapshot().configuration.sources[&"host".parse().unwrap()];
    assert_eq!(source.interval, Some(Interval::from_secs(5)));
    let outcome = house.write("source/host", Some(1), Action::Delete).unwrap();
    assert_eq!((outcome.result, outcome.revision), (OutcomeResult::Deleted, 2));
    assert_eq!(house.registry.snapshot().documents, before);
}

#[test]
fn a_complete_statement_stands_by_itself_unless_it_says_otherwise() {
    let mut house = House::new();
    let other = LAYOUT.replace("\"cpu\"", "\"mine\"");
    house.put("layout/host", &other).unwrap();
    let names = |house: &House| {
        let spec = house.spec("layout/host").unwrap();
        let widgets = spec["page"][0]["widget"].as_array().unwrap().clone();
        widgets.iter().map(|w| w["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names(&house), ["mine"]);
    let beside = other.replace("y = 0", "y = 2") + "\n[layer]\nreplace = false\n";
    house.put("layout/host", &beside).unwrap();
    assert_eq!(names(&house), ["mine", "cpu"]);
    let without = beside + "remove = [\"page.Overview.widget.cpu\"]\n";
    house.put("layout/host", &without).unwrap();
    assert_eq!(names(&house), ["mine"]);
}

#[test]
fn c14_of_many_writers_with_the_same_base_one_commits_without_rebase() {
    let mut house = House::new();
    house.put("source/host", "interval = \"2s\"").unwrap();
    let mut won = 0;
    for seconds in 3..8 {
        let text = toml_text(&format!("interval = \"{seconds}s\""));
        match house.write("source/host", Some(1), text) {
            Ok(outcome) => {
                assert_eq!(outcome.result, OutcomeResult::Changed);
                won += 1;
            }
            Err(ApplyError::Conflict(conflict)) => {
                assert_eq!((conflict.base_revision, conflict.current_revision), (1, 2));
                let collision = &conflict.collisions[0];
                assert_eq!(collision.base, Some("2s".into()));
                assert_eq!(collision.current, Some("3s".into()));
                assert_eq!(collision.proposed, Some(format!("{seconds}s").into()));
            }
            Err(other) => panic!("{other}"),
        }
    }
    assert_eq!(won, 1);
}

#[test]
fn c15_changes_of_other_places_are_united_in_either_order() {
    let base = "interval = \"2s\"\ntimeout = \"4s\"";
    let first = "interval = \"3s\"\ntimeout = \"4s\"";
    let second = "interval = \"2s\"\ntimeout = \"5s\"";
    let unite = |first: &str, second: &str| {
        let mut house = House::new();
        house.put("source/host", base).unwrap();
        house.write("source/host", Some(1), toml_text(first)).unwrap();
        let outcome = house.write("source/host", Some(1), toml_text(second)).unwrap();
        assert_eq!((outcome.result, outcome.revision), (OutcomeResult::Rebased, 3));
        house.spec("source/host").unwrap()
    };
    assert_eq!(unite(first, second), unite(second, first));
    assert_eq!(unite(first, second)["interval"], "3s");
    assert_eq!(unite(first, second)["timeout"], "5s");
}

#[test]
fn c15_two_people_can_add_widgets_to_the_same_page() {
    let mut house = House::new();
    house.put("layout/host", LAYOUT).unwrap();
    let more = |name: &str, y: u16| {
        let widget = format!(
            "[[page.widget]]\nname = \"{name}\"\nat = {{ x = 0, y = {y}, w = 6, h = 2 }}\n"
        );
        toml_text(&(LAYOUT.to_owned() + &widget))
    };
    house.write("layout/host", Some(1), more("disks", 2)).unwrap();
    let outcome = house.write("layout/host", Some(1), more("memory", 4)).unwrap();
    assert_eq!(outcome.result, OutcomeResult::Rebased);
    assert_eq!(outcome.warnings.len(), 2, "{:?}", outcome.warnings);
    let spec = house.spec("layout/host").unwrap();
    assert_eq!(spec["page"][0]["widget"].as_array().unwrap().len(), 3);
}

#[test]
fn c16_without_force_no_write_changes_what_another_manager_owns() {
    let mut house = House::new();
    house.apply(&by_file("source/host", toml_text("interval = \"2s\""))).unwrap();
    let refused = house.put("source/host", "interval = \"3s\"").unwrap_err();
    let ApplyError::Owned { places, .. } = refused else { panic!("{refused}") };
    assert_eq!(places[0].manager, "file:x.toml");
    assert!(house.write("source/host", None, Action::Delete).is_err());
    // What the file does not mention is free, and stays when the file changes.
    house.put("source/host", "timeout = \"9s\"").unwrap();
    house.apply(&by_file("source/host", toml_text("interval = \"4s\""))).unwrap();
    let spec = house.spec("source/host").unwrap();
    assert_eq!((&spec["interval"], &spec["timeout"]), (&"4s".into(), &"9s".into()));
    let force =
        Request { force: true, ..request("source/host", None, toml_text("interval = \"3s\"")) };
    house.apply(&force).unwrap();
    assert_eq!(house.spec("source/host").unwrap()["interval"], "3s");
    let refused = house.apply(&by_file("source/host", toml_text("interval = \"4s\"")));
    assert!(matches!(refused, Err(ApplyError::Owned { .. })), "{refused:?}");
}

#[test]
fn a_file_that_goes_takes_back_what_it_said_and_no_more() {
    let mut house = House::new();
    house.apply(&by_file("source/host", toml_text("interval = \"2s\""))).unwrap();
    house.put("source/host", "timeout = \"9s\"").unwrap();
    house.apply(&by_file("source/host", Action::Delete)).unwrap();
    let spec = house.spec("source/host").unwrap();
    assert_eq!((&spec["interval"], &spec["timeout"]), (&"1s".into(), &"9s".into()));
}

#[test]
fn c17_a_batch_is_written_whole_or_not_at_all() {
    let mut house = House::new();
    let mut batch = request("source/host", None, toml_text("interval = \"2s\""));
    batch.writes.push(Write {
        id: "widget/cpu".parse().unwrap(),
        base_revision: None,
        action: toml_text("type = \"gauge\""),
    });
    let before = Arc::clone(house.registry.snapshot());
    assert!(matches!(house.apply(&batch), Err(ApplyError::Invalid(_))));
    assert!(Arc::ptr_eq(&before, house.registry.snapshot()));
    batch.writes[1].action = toml_text("title = \"CPU\"");
    let applied = house.apply(&batch).unwrap();
    assert_eq!(applied.generation, 1);
    assert!(house.past.0.borrow().iter().all(|layer| layer.generation == 1));
}

#[test]
fn c18_a_revert_says_again_what_was_said_as_a_new_revision() {
    let mut house = House::new();
    house.put("source/host", "interval = \"2s\" # as agreed").unwrap();
    house.put("source/host", "interval = \"3s\"").unwrap();
    let outcome = house.write("source/host", None, Action::RevertTo(1)).unwrap();
    assert_eq!((outcome.result, outcome.revision), (OutcomeResult::Changed, 3));
    let id = "source/host".parse().unwrap();
    let layer = Arc::clone(house.registry.layer(&id, &Scope::Platform).unwrap());
    let first = house.past.revision(&id, &Scope::Platform, 1).unwrap();
    assert_eq!(layer.statement, first.statement);
    assert_eq!(layer.source_toml, first.source_toml);
    house.write("source/host", None, Action::Delete).unwrap();
    let outcome = house.write("source/host", None, Action::RevertTo(2)).unwrap();
    assert_eq!((outcome.result, outcome.revision), (OutcomeResult::Created, 5));
    let outcome = house.write("source/host", None, Action::RevertTo(0)).unwrap();
    assert_eq!((outcome.result, outcome.revision), (OutcomeResult::Deleted, 6));
    let refused = house.write("source/host", None, Action::RevertTo(7)).unwrap_err();
    assert!(matches!(refused, ApplyError::UnknownRevision { revision: 7, .. }));
}

#[test]
fn c20_a_dry_run_changes_nothing_and_predicts_the_commit() {
    let mut house = House::new();
    let mut wanted = request("source/host", None, toml_text("interval = \"2s\""));
    wanted.dry_run = true;
    wanted.reason.clear();
    let before = Arc::clone(house.registry.snapshot());
    let plan = house.plan(&wanted).unwrap();
    assert!(Arc::ptr_eq(&before, house.registry.snapshot()));
    wanted.dry_run = false;
    assert_eq!(house.apply(&wanted), Err(ApplyError::ReasonMissing));
    wanted.reason = "because".to_owned();
    let applied = house.apply(&wanted).unwrap();
    assert_eq!(applied.outcomes, plan.applied.outcomes);
    assert_eq!(applied.generation, plan.applied.generation);
    assert_eq!(house.registry.commit(plan), Err(plan::StalePlan));
}

#[test]
fn c26_a_written_document_reads_back_without_a_difference() {
    let mut house = House::new();
    let text = WIDGET.to_owned() + "\n[layer]\nmandatory = [\"title\"]\nremove = [\"tags.old\"]\n";
    house.put("widget/cpu", &text).unwrap();
    let id = "widget/cpu".parse().unwrap();
    let layer = Arc::clone(house.registry.layer(&id, &Scope::Platform).unwrap());
    assert_eq!(layer.source_toml.as_deref(), Some(text.as_str()));
    let same = house.put("widget/cpu", &text).unwrap();
    assert_eq!((same.result, same.revision), (OutcomeResult::Unchanged, 1));
    let exported = layer.spec();
    let json = Action::Put(Text::Json(exported.to_string()));
    assert_eq!(house.write("widget/cpu", None, json).unwrap().result, OutcomeResult::Unchanged);
    let toml = toml_text(&toml::to_string(&exported).unwrap());
    house.write("widget/cpu", None, toml).unwrap();
    let again = house.registry.layer(&id, &Scope::Platform).unwrap();
    assert_eq!(again.statement, layer.statement);
}

#[test]
fn what_is_needed_cannot_be_deleted_and_what_is_missing_is_told() {
    let mut house = House::new();
    house.put("source/other", SOURCE).unwrap();
    house.put("widget/mine", &WIDGET.replace("\"host\"", "\"other\"")).unwrap();
    let refused = house.write("source/other", None, Action::Delete).unwrap_err();
    let sentence = refused.to_string();
    assert_eq!(sentence, "widget/mine needs source/other; change what needs it first");
    let outcome = house.put("widget/mine", &WIDGET.replace("\"host\"", "\"otter\"")).unwrap();
    let expected = "widget/mine needs source/otter, which does not exist; did you mean other?";
    assert_eq!(outcome.warnings, [expected]);
    house.write("source/other", None, Action::Delete).unwrap();
}

#[test]
fn themes_cannot_inherit_in_a_circle() {
    let mut house = House::new();
    let theme = |inherits: &str| format!("title = \"t\"\ninherits = \"{inherits}\"");
    house.put("theme/a", &theme("b")).unwrap();
    house.put("theme/b", &theme("c")).unwrap();
    let refused = house.put("theme/c", &theme("a")).unwrap_err();
    let ApplyError::Circle(circle) = &refused else { panic!("{refused}") };
    assert_eq!(circle.len(), 4);
    assert_eq!(circle.first(), circle.last());
    assert!(refused.to_string().contains("theme/c -> theme/a -> theme/b -> theme/c"), "{refused}");
}

#[test]
fn queries_cannot_need_each_other_in_a_circle() {
    let mut house = House::new();
    let query = |input: &str| {
        format!("type = 'query'\n[query]\ninputs = {{ i = '{input}' }}\nvalues = {{ v = 'i.v' }}")
    };
    house.put("source/a", &query("b")).unwrap();
    house.put("source/b", &query("c")).unwrap();
    let refused = house.put("source/c", &query("a")).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "source/c -> source/a -> source/b -> source/c need each other in a circle; let one of \
         them stand alone"
    );
    let refused = house.put("source/d", &query("d")).unwrap_err();
    assert!(matches!(refused, ApplyError::Circle(_)), "{refused}");
}

#[test]
fn an_expression_that_cannot_be_read_is_shown_where_it_stands() {
    let mut house = House::new();
    let text = "type = \"query\"\n\n[query]\ninputs = { crm = \"host\" }\n\n[query.values]\n\
                rate = \"crm.won / crn.leads\"\nother = \"crm.won +\"\n";
    let refused = house.put("source/rate", text).unwrap_err();
    let ApplyError::Invalid(found) = refused else { panic!("{refused}") };
    let places: Vec<(u32, &str)> =
        found.iter().map(|problem| (problem.line, problem.sentence.as_str())).collect();
    assert_eq!(places.len(), 2);
    assert_eq!(places[0].0, 7);
    assert!(places[0].1.starts_with("nothing here is called `crn`"), "{places:?}");
    assert_eq!(places[1].0, 8);
    assert!(places[1].1.starts_with("this is no expression"), "{places:?}");
}

#[test]
fn refusals_are_sentences_with_a_remedy() {
    let mut house = House::new();
    let refused = house.write("source/hots", None, Action::Delete).unwrap_err();
    assert_eq!(refused.to_string(), "there is no source/hots; did you mean source/host?");
    let refused = house.write("source/host", None, Action::Delete).unwrap_err();
    assert_eq!(refused, ApplyError::Shipped("source/host".parse().unwrap()));
    let mut blank = request("source/host", None, toml_text("interval = \"2s\""));
    blank.reason = " \t".to_owned();
    assert_eq!(house.apply(&blank), Err(ApplyError::ReasonMissing));
    let mut elsewhere = request("source/host", None, toml_text("interval = \"2s\""));
    elsewhere.scope = Scope::Tenant("acme".parse().unwrap());
    assert!(matches!(house.apply(&elsewhere), Err(ApplyError::Access(_))));
    let mut twice = request("source/host", None, Action::Delete);
    twice.writes.push(twice.writes[0].clone());
    assert!(matches!(house.apply(&twice), Err(ApplyError::Twice(_))));
    let forged = Request { manager: "builtin".to_owned(), ..blank };
    assert!(house.apply(&forged).is_err());
    let exists = house.write("source/new", Some(0), toml_text(SOURCE)).unwrap();
    assert_eq!(exists.result, OutcomeResult::Created);
    let other = toml_text("type = \"daemon\"");
    let refused = house.write("source/new", Some(0), other).unwrap_err();
    assert!(matches!(refused, ApplyError::Conflict(_)), "{refused}");
}

#[test]
fn a_closure_is_a_document_and_all_it_needs() {
    let house = House::new();
    let closure = house.registry.snapshot().closure(&"layout/host".parse().unwrap());
    let ids: Vec<String> = closure.iter().map(|document| document.id.to_string()).collect();
    assert_eq!(ids, ["layout/host", "widget/cpu", "source/host"]);
    let referrers = house.registry.snapshot().referrers(&"source/host".parse().unwrap());
    assert_eq!(referrers, ["widget/cpu".parse().unwrap()]);
}

#[test]
fn a_restored_document_that_is_not_valid_any_more_falls_back_to_what_is_shipped() {
    let mut house = House::new();
    house.put("source/host", "interval = \"2s\"").unwrap();
    let id: DocumentId = "source/host".parse().unwrap();
    let mut layer = (**house.registry.layer(&id, &Scope::Platform).unwrap()).clone();
    let nonsense = statement::Say::value("soon".into());
    layer.statement = Arc::new([("interval".parse().unwrap(), nonsense)].into());
    let mut fresh = House::new();
    let problems = fresh.registry.restore([Arc::new(layer)], 1);
    assert_eq!(problems.len(), 1);
    assert_eq!(problems[0].label, "source/host");
    assert_eq!(fresh.spec("source/host").unwrap()["interval"], "1s");
}

#[test]
fn comments_of_both_writers_stay_or_are_told_about() {
    let mut house = House::new();
    let base = "interval = \"2s\"\n\n\ntimeout = \"4s\"\n";
    house.put("source/host", base).unwrap();
    let text = |house: &House| {
        let id = "source/host".parse().unwrap();
        house.registry.layer(&id, &Scope::Platform).unwrap().source_toml.clone()
    };
    let theirs = "interval = \"3s\" # faster\n\n\ntimeout = \"4s\"\n";
    house.put("source/host", theirs).unwrap();
    let mine = "interval = \"2s\"\n\n\ntimeout = \"5s\" # patient\n";
    let outcome = house.write("source/host", Some(1), toml_text(mine)).unwrap();
    assert_eq!((outcome.result, &outcome.warnings[..]), (OutcomeResult::Rebased, &[][..]));
    let both = "interval = \"3s\" # faster\n\n\ntimeout = \"5s\" # patient\n";
    assert_eq!(text(&house).as_deref(), Some(both));

    let mine = "interval = \"2s\" # my words\n\n\ntimeout = \"6s\"\n";
    let outcome = house.write("source/host", Some(1), toml_text(mine));
    assert!(matches!(outcome, Err(ApplyError::Conflict(_))), "{outcome:?}");
    let mine = "interval = \"2s\" # my words\n\n\ntimeout = \"4s\"\nenabled = false\n";
    let outcome = house.write("source/host", Some(1), toml_text(mine)).unwrap();
    assert!(outcome.warnings[0].contains("comments of revision 3"), "{outcome:?}");
    assert_eq!(house.spec("source/host").unwrap()["timeout"], "5s");
}
