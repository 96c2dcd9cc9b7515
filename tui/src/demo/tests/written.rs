//! The documents of the demo name each other and ask for what there is.

use std::collections::{BTreeMap, BTreeSet};

use ccm_daemon::collect::module::contributions;
use ccm_daemon::registry::{Registry, Shipped};
use ccm_proto::model::module::ModuleAddress;
use ccm_proto::model::module::ModuleSpec;
use ccm_proto::model::source::module::ModuleConfig;
use ccm_proto::model::{LayoutSpec, Name, SourceSpec};
use clap::ValueEnum as _;

use super::afternoon;
use crate::demo::World;
use crate::demo::answer::Query;
use crate::demo::documents::{DOCUMENTS, written};
use crate::demo::part::Part;
use crate::demo::server::Listen;

fn parts() -> BTreeMap<&'static str, Listen> {
    let listen = |index: usize| format!("127.0.0.1:{}", 9_400 + index).parse().unwrap();
    let mut parts: BTreeMap<_, Listen> =
        Part::ALL.iter().enumerate().map(|(index, part)| (part.name(), listen(index))).collect();
    parts.insert("hr", "unix:/run/hr.sock".parse().unwrap());
    parts.insert("stripe", listen(10));
    parts.insert("sendgrid", listen(11));
    parts
}

fn of_kind(folder: &str) -> Vec<(String, toml::Table)> {
    let all = written(&parts()).into_iter();
    let named = all.filter_map(|(file, text)| {
        let name = file.strip_prefix(folder)?.strip_prefix('/')?.strip_suffix(".toml")?;
        Some((name.to_owned(), toml::from_str(&text).unwrap_or_else(|e| panic!("{file}: {e}"))))
    });
    named.collect()
}

#[test]
fn every_address_is_filled_in() {
    for (file, text) in written(&parts()) {
        let rest = text.lines().filter(|line| !line.starts_with('#')).find(|l| l.contains('@'));
        let jsonpath = |line: &str| line.contains("?@.");
        assert!(rest.is_none_or(jsonpath), "{file}: {rest:?}");
    }
    let modules = of_kind("modules");
    let crm = modules.iter().find(|(name, _)| name == "crm").unwrap();
    assert_eq!(crm.1["endpoint"].as_str(), Some("http://127.0.0.1:9400"));
    let hr = modules.iter().find(|(name, _)| name == "hr").unwrap();
    assert_eq!(hr.1["endpoint"].as_str(), Some("unix:/run/hr.sock"));
}

#[test]
fn modules_and_layouts_are_valid() {
    assert_eq!(of_kind("modules").len(), Part::value_variants().len());
    for (name, table) in of_kind("modules") {
        let spec: ModuleSpec = table.try_into().unwrap();
        assert_eq!(spec.problems(), [], "{name}");
    }
    for (name, table) in of_kind("layouts") {
        let layout: LayoutSpec = table.try_into().unwrap();
        assert_eq!(layout.problems(), [], "{name}");
    }
}

#[test]
fn every_source_of_a_module_asks_for_what_its_manifest_names() {
    let world = World::new(7, afternoon());
    let mut asked = 0;
    for (name, table) in of_kind("sources") {
        if table["type"].as_str() != Some("module") {
            continue;
        }
        let spec: SourceSpec = table.clone().try_into().unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(spec.problems(), [], "{name}");
        let config: ModuleConfig = *spec.module.unwrap();
        let part = Part::ALL.into_iter().find(|part| part.name() == config.name.as_str()).unwrap();
        let Some(path) = &config.endpoint else { continue };
        let manifest = part.manifest().unwrap();
        let endpoint = manifest.endpoint(path).unwrap_or_else(|| panic!("{name}: {path}"));
        for param in config.params.keys() {
            assert!(endpoint.params.iter().any(|known| known.name == *param), "{name}: {param}");
        }
        part.answer(&world, path, &Query::default(), afternoon()).unwrap();
        asked += 1;
    }
    assert!(asked >= 9, "{asked}");
}

#[test]
fn what_documents_refer_to_is_there() {
    let names = |folder| of_kind(folder).into_iter().map(|(name, _)| name).collect::<BTreeSet<_>>();
    let mut sources = names("sources");
    sources.insert("host".to_owned());
    let widgets = names("widgets");
    for (name, widget) in of_kind("widgets") {
        assert!(sources.contains(widget["source"].as_str().unwrap()), "{name}");
    }
    let mut shown = BTreeSet::new();
    for (_, layout) in of_kind("layouts") {
        let layout: LayoutSpec = layout.try_into().unwrap();
        shown.extend(layout.widget_names().into_iter().map(ToString::to_string));
    }
    assert_eq!(shown, widgets, "every widget is shown");
    for (name, query) in of_kind("sources") {
        let Some(inputs) = query.get("query").and_then(|query| query.get("inputs")) else {
            continue;
        };
        for input in inputs.as_table().unwrap().values() {
            assert!(sources.contains(input.as_str().unwrap()), "{name}: {input}");
        }
    }
    assert!(DOCUMENTS.iter().any(|(file, _)| *file == "layouts/business.toml"));
}

#[test]
fn the_registry_takes_every_document_beside_those_that_are_shipped() {
    let mut all: Vec<Shipped> = ccm_daemon::packs::DOCUMENTS.to_vec();
    for (file, text) in written(&parts()) {
        let (folder, name) = file.strip_suffix(".toml").unwrap().split_once('/').unwrap();
        // The registry keeps shipped texts for as long as the program runs.
        all.push(Shipped { kind: folder.parse().unwrap(), name, toml: text.leak() });
    }
    let (registry, problems) = Registry::new(&all);
    assert!(problems.is_empty(), "{problems:#?}");
    assert_eq!(registry.snapshot().documents.len(), all.len());
}

#[test]
fn the_registry_takes_what_modules_offer() {
    for part in Part::ALL {
        let module = Name::new(part.name()).unwrap();
        for address in ["http://127.0.0.1:9401", "push"] {
            let address: ModuleAddress = address.parse().unwrap();
            for (id, document) in contributions(&module, &part.manifest().unwrap(), &address) {
                let checked = ccm_daemon::registry::check::check(id.kind, &document);
                assert!(checked.is_ok(), "{id}: {:?}", checked.err());
            }
        }
    }
}
