use proptest::prelude::*;

use super::*;

fn source(toml: &str) -> SourceSpec {
    let spec: SourceSpec = toml::from_str(&format!("type = 'external_api'\n{toml}")).unwrap();
    assert_eq!(spec.problems(), []);
    spec
}

fn connector() -> ConnectorSpec {
    let toml = r#"
        title = "Shop"
        base_url = "https://api.shop.example/v1"
        time_format = "seconds"
        auth = { type = "bearer" }
        headers = { Shop-Version = "3" }
        [endpoints.orders]
        path = "/shops/{shop}/orders"
        params = { limit = 100, created = { gte = "today" } }
        allow_params = ["state"]
        cache = "30s"
        [endpoints.rates]
        path = "/rates"
        required = ["base"]
        limits = { per_second = 0.5, burst = 2, concurrent = 1 }
    "#;
    let spec: ConnectorSpec = toml::from_str(toml).unwrap();
    assert_eq!(spec.problems(), []);
    spec
}

const NOON: Timestamp = Timestamp::from_millis(1_774_785_600_000);

fn url(spec: &SourceSpec, connector: Option<&ConnectorSpec>) -> Result<String, PlanError> {
    Plan::new(spec, connector)?.ask(NOON, &[]).map(|asked| asked.url.to_string())
}

#[test]
fn a_source_alone_says_everything() {
    let spec = source(
        r#"
        variables = { region = "eu west" }
        [external_api]
        base_url = "https://api.example.com/v2/"
        endpoint = "items/{id}"
        params = { id = "a/b?c", region = "$region", tags = ["x", "y"], "expand[]" = "z", since = "now-24h" }
        "#,
    );
    let expect = "https://api.example.com/v2/items/a%2Fb%3Fc?expand%5B%5D=z&region=eu+west\
                  &since=2026-03-28T12%3A00%3A00Z&tags=x&tags=y";
    assert_eq!(url(&spec, None).as_deref(), Ok(expect));
}

#[test]
fn a_connector_says_what_the_source_leaves_out() {
    let by_name =
        "external_api = { connector = 'shop', endpoint = 'orders', params = { shop = 7 } }";
    let by_path = "external_api = { connector = 'shop', endpoint = '/shops/{shop}/orders', params = { shop = 7 } }";
    for text in [by_name, by_path] {
        let (spec, connector) = (source(text), connector());
        let plan = Plan::new(&spec, Some(&connector)).unwrap();
        assert_eq!(plan.cache, Some(Interval::from_secs(30)));
        assert_eq!(plan.auth, Some(Auth::Bearer));
        assert_eq!(plan.headers["Shop-Version"], "3");
        let asked = plan.ask(NOON, &[("limit".to_owned(), "5".to_owned())]).unwrap();
        let expect =
            "https://api.shop.example/v1/shops/7/orders?created%5Bgte%5D=1774742400&limit=5";
        assert_eq!(asked.url.as_str(), expect);
    }
}

#[test]
fn a_connector_allows_what_it_names_and_nothing_else() {
    let connector = connector();
    let refused = |text: &str| Plan::new(&source(text), Some(&connector)).unwrap_err();
    let api = |rest: &str| format!("[external_api]\nconnector = 'shop'\n{rest}");
    assert!(matches!(refused(&api("endpoint = '/refunds'")), PlanError::Endpoint { .. }));
    let param = "endpoint = 'orders'\nparams = { shop = 1, admin = true }";
    assert!(matches!(refused(&api(param)), PlanError::Param { .. }));
    for fixed in
        ["method = 'POST'", "headers = { X = 'y' }", "credential = 'k'\nauth = { type = 'basic' }"]
    {
        let text = api(&format!("endpoint = 'orders'\nparams = {{ shop = 1 }}\n{fixed}"));
        assert!(matches!(refused(&text), PlanError::Fixed(_)), "{fixed}");
    }
    let alone = source(&api("endpoint = 'orders'"));
    assert!(matches!(Plan::new(&alone, None), Err(PlanError::NoConnector(_))));
    assert!(matches!(url(&alone, Some(&connector)), Err(PlanError::Missing(_))));
    let needed = api("endpoint = 'rates'");
    assert!(matches!(refused(&needed), PlanError::Missing(param) if param.as_str() == "base"));
    let state = source(&api("endpoint = 'orders'\nparams = { shop = 1, state = 'open' }"));
    assert!(url(&state, Some(&connector)).unwrap().ends_with("limit=100&state=open"));
}

#[test]
fn an_endpoint_that_is_limited_apart_is_an_api_of_its_own_by_whichever_name() {
    let connector = connector();
    let api = |endpoint: &str, param: &str| {
        let text = format!(
            "external_api = {{ connector = 'shop', endpoint = '{endpoint}', params = {{ {param} = 'x' }} }}"
        );
        Plan::new(&source(&text), Some(&connector)).unwrap()
    };
    for name in ["rates", "/rates"] {
        let plan = api(name, "base");
        assert_eq!(plan.api.as_deref(), Some("shop/rates"));
        assert_eq!(plan.limits.map(|limits| limits.burst), Some(2));
    }
    let plan = api("orders", "shop");
    assert_eq!((plan.api.as_deref(), plan.limits), (Some("shop"), None));
}

#[test]
fn the_connector_says_how_its_service_counts_money_unless_the_rules_do() {
    let mut connector = connector();
    connector.decimals = [("ISK".to_owned(), 2), ("UGX".to_owned(), 2)].into();
    let text = "[external_api]\nconnector = 'shop'\nendpoint = 'rates'\nparams = { base = 'x' }\n\
                [extract.decimals]\nUGX = 0\n";
    let plan = Plan::new(&source(text), Some(&connector)).unwrap();
    let decimals = plan.extract.unwrap().decimals;
    assert_eq!(decimals, [("ISK".to_owned(), 2), ("UGX".to_owned(), 0)].into());
}

#[test]
fn a_body_has_its_templates_resolved_and_is_posted() {
    let spec = source(
        "external_api = { base_url = 'https://a.example', endpoint = '/run', time_format = 'date', body = { from = 'yesterday', n = 1 } }",
    );
    let plan = Plan::new(&spec, None).unwrap();
    assert_eq!(plan.method, Method::Post);
    let body = plan.ask(NOON, &[]).unwrap().body.unwrap();
    assert_eq!(body, r#"{"from":"2026-03-28","n":1}"#);
}

proptest! {
    /// Row 9.4 of the reliability goals: no text of a parameter leaves its place in the address.
    #[test]
    fn a_parameter_stays_one_segment_and_one_value(text in any::<String>()) {
        let mut spec = source("external_api = { base_url = 'https://a.example/b', endpoint = '/c/{p}/d' }");
        let api = spec.external_api.as_mut().unwrap();
        api.params.insert("p".to_owned(), Param::List(vec![]));
        api.params.insert("q".to_owned(), Param::Text(format!("\\{text}")));
        api.params.insert("p".to_owned(), Param::Text(format!("\\{text}")));
        let asked = Plan::new(&spec, None).unwrap().ask(NOON, &[]);
        if matches!(text.as_str(), "" | "." | "..") {
            prop_assert!(matches!(asked, Err(PlanError::PathValue(_))));
            return Ok(());
        }
        let url = asked.unwrap().url;
        prop_assert_eq!(url.origin().ascii_serialization(), "https://a.example");
        let segments: Vec<&str> = url.path_segments().unwrap().collect();
        prop_assert_eq!(segments.len(), 4, "{}", url);
        prop_assert_eq!((segments[0], segments[1], segments[3]), ("b", "c", "d"));
        prop_assert_eq!(url.fragment(), None);
        let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
        prop_assert_eq!(pairs, vec![("q".to_owned(), text)]);
        let clean = |c: char| c.is_ascii_graphic();
        prop_assert!(url.as_str().chars().all(clean), "{}", url);
    }
}
