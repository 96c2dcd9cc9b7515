//! Answers of several pages: where the next one is, and how they become one. Pure.

use ccm_proto::SafeText;
use ccm_proto::model::source::external_api::Pagination;
use serde_json::Value as Json;
use serde_json_path::JsonPath;
use url::Url;

use crate::collect::extract::read_path;

/// The longest cursor: more does not fit into an address.
const CURSOR_MAX: usize = 2_048;

/// Why pages cannot be put together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PageError {
    /// A path cannot be read.
    #[error("pagination: {0}")]
    Path(String),
    /// The list that should grow is not there.
    #[error("the answer has no list at {0:?}; see pagination.items")]
    Items(String),
    /// The header names another origin.
    #[error(
        "the next page is said to be on {0}, which is not where the first one is; it is not fetched"
    )]
    Elsewhere(SafeText),
    /// A cursor that has been used already leads in a circle.
    #[error("the answer leads back to a page that was read already; see pagination.cursor")]
    Circle,
}

/// Where the next page is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// At this address.
    At(Url),
    /// At the first one's, with this parameter.
    With(String, String),
}

/// Puts pages together.
#[derive(Debug)]
pub struct Pages {
    pagination: Pagination,
    cursor: Option<JsonPath>,
    more: Option<JsonPath>,
}

impl Pages {
    /// Reads the paths.
    pub fn new(pagination: &Pagination) -> Result<Self, PageError> {
        let read = |path: &String| read_path(path).map_err(PageError::Path);
        let (cursor, more) = match pagination {
            Pagination::Cursor { cursor, more, .. } => {
                (Some(read(cursor)?), more.as_ref().map(read).transpose()?)
            }
            Pagination::Link { .. } | Pagination::Page { .. } => (None, None),
        };
        Ok(Self { pagination: pagination.clone(), cursor, more })
    }

    /// The most pages of a reading.
    pub fn max(&self) -> u32 {
        self.pagination.max_pages()
    }

    /// Where the page after `page` is, which was the `index`th from 0, came from `url` and had the
    /// header `link`; none when it was the last.
    pub fn next(
        &self,
        page: &Json,
        index: u32,
        url: &Url,
        link: Option<&str>,
    ) -> Result<Option<Next>, PageError> {
        match &self.pagination {
            Pagination::Link { .. } => {
                link.and_then(next_link).map(|to| same_origin(url, to)).transpose()
            }
            Pagination::Cursor { param, .. } => {
                let says_no = |more: &JsonPath| {
                    matches!(more.query(page).first(), None | Some(Json::Null | Json::Bool(false)))
                };
                if self.more.as_ref().is_some_and(says_no) {
                    return Ok(None);
                }
                let cursor = self.cursor.as_ref().and_then(|cursor| cursor.query(page).first());
                let Some(cursor) = cursor.and_then(plain) else { return Ok(None) };
                let used =
                    |(name, value): (std::borrow::Cow<'_, str>, std::borrow::Cow<'_, str>)| {
                        name == param.as_str() && value == cursor.as_str()
                    };
                if url.query_pairs().any(used) {
                    return Err(PageError::Circle);
                }
                Ok(Some(Next::With(param.clone(), cursor)))
            }
            Pagination::Page { param, first, step, size, .. } => {
                let items = list(page, self.pagination.items())?.len();
                let number = first.saturating_add(step.saturating_mul(index.saturating_add(1)));
                let full = u32::try_from(items).unwrap_or(u32::MAX) >= *size;
                Ok(full.then(|| Next::With(param.clone(), number.to_string())))
            }
        }
    }

    /// The parameter of the first page, where it has one.
    pub fn first(&self) -> Option<(String, String)> {
        match &self.pagination {
            Pagination::Page { param, first, .. } => Some((param.clone(), first.to_string())),
            Pagination::Link { .. } | Pagination::Cursor { .. } => None,
        }
    }

    /// Adds the items of a further page to what there is; says how many there were.
    pub fn join(&self, whole: &mut Json, page: Json) -> Result<usize, PageError> {
        let items = self.pagination.items();
        let mut page = page;
        let more = std::mem::take(list_mut(&mut page, items)?);
        let count = more.len();
        list_mut(whole, items)?.extend(more);
        Ok(count)
    }
}

fn plain(value: &Json) -> Option<String> {
    let text = match value {
        Json::String(text) => text.clone(),
        Json::Number(number) => number.to_string(),
        _ => return None,
    };
    (!text.is_empty() && text.len() <= CURSOR_MAX).then_some(text)
}

fn list<'j>(page: &'j Json, items: &str) -> Result<&'j Vec<Json>, PageError> {
    let found = steps(items).try_fold(page, |at, step| at.get(step));
    found.and_then(Json::as_array).ok_or_else(|| PageError::Items(items.to_owned()))
}

fn list_mut<'j>(page: &'j mut Json, items: &str) -> Result<&'j mut Vec<Json>, PageError> {
    let found = steps(items).try_fold(page, |at, step| at.get_mut(step));
    found.and_then(Json::as_array_mut).ok_or_else(|| PageError::Items(items.to_owned()))
}

fn steps(items: &str) -> impl Iterator<Item = &str> {
    items.split('.').filter(|step| !step.is_empty())
}

/// The target of `rel="next"` in a header `Link` (RFC 8288).
fn next_link(header: &str) -> Option<&str> {
    let mut rest = header;
    while let Some((_, after)) = rest.split_once('<') {
        let (target, behind) = after.split_once('>')?;
        let end = behind.find(",<").or_else(|| behind.find(", <")).unwrap_or(behind.len());
        let (params, next) = behind.split_at(end);
        let is_next = params.split(';').any(|param| {
            let (name, value) = param.split_once('=').unwrap_or((param, ""));
            let mut rels = value.trim().trim_matches('"').split_ascii_whitespace();
            name.trim().eq_ignore_ascii_case("rel")
                && rels.any(|rel| rel.eq_ignore_ascii_case("next"))
        });
        if is_next {
            return Some(target);
        }
        rest = next;
    }
    None
}

/// The address that a link means. It is followed on the origin that the credential is for only.
fn same_origin(from: &Url, link: &str) -> Result<Next, PageError> {
    let elsewhere =
        || PageError::Elsewhere(SafeText::new(link.split('?').next().unwrap_or_default()));
    let to = from.join(link).map_err(|_| elsewhere())?;
    if to.origin() != from.origin() || !to.username().is_empty() || to.password().is_some() {
        return Err(elsewhere());
    }
    if to == *from {
        return Err(PageError::Circle);
    }
    Ok(Next::At(to))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn pages(toml: &str) -> Pages {
        Pages::new(&toml::from_str(toml).unwrap()).unwrap()
    }

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn links_are_followed_on_their_own_origin_only() {
        let pages = pages("type = 'link'");
        let from = url("https://api.example.com/items?page=1");
        let next = |header: &str| pages.next(&json!([]), 0, &from, Some(header));
        let two = Some(Next::At(url("https://api.example.com/items?page=2")));
        for header in [
            r#"<https://api.example.com/items?page=2>; rel="next""#,
            r#"</items?page=9>; rel="last", </items?page=2>; rel=next"#,
            r#"<?page=2>; title="a, b"; REL="prefetch next",<x>; rel="prev""#,
        ] {
            assert_eq!(next(header), Ok(two.clone()), "{header}");
        }
        assert_eq!(next(r#"</items?page=0>; rel="prev""#), Ok(None));
        assert_eq!(next("nonsense"), Ok(None));
        assert_eq!(pages.next(&json!([]), 0, &from, None), Ok(None));
        for header in [
            r#"<https://evil.example/items?token=1>; rel="next""#,
            r#"<http://api.example.com/items>; rel="next""#,
            r#"<//evil.example/>; rel="next""#,
            r#"<https://u:p@api.example.com/>; rel="next""#,
        ] {
            let Err(PageError::Elsewhere(place)) = next(header) else { panic!("{header}") };
            assert!(!place.as_str().contains("token"), "{place}");
        }
        assert_eq!(next(r#"<?page=1>; rel="next""#), Err(PageError::Circle));
    }

    #[test]
    fn a_cursor_leads_on_until_there_is_no_more() {
        let pages = pages(
            "type = 'cursor'\nitems = 'data'\nparam = 'after'\ncursor = '$.data[-1].id'\nmore = '$.has_more'",
        );
        let from = url("https://api.example.com/v1/charges?after=a");
        let page = json!({"data": [{"id": "a"}, {"id": "b"}], "has_more": true});
        let next = pages.next(&page, 0, &from, None);
        assert_eq!(next, Ok(Some(Next::With("after".into(), "b".into()))));
        for end in [
            json!({"data": [{"id": "b"}], "has_more": false}),
            json!({"data": [], "has_more": true}),
        ] {
            assert_eq!(pages.next(&end, 0, &from, None), Ok(None));
        }
        let circle = json!({"data": [{"id": "a"}], "has_more": true});
        assert_eq!(pages.next(&circle, 0, &from, None), Err(PageError::Circle));
    }

    #[test]
    fn numbered_pages_end_with_a_short_one() {
        let pages =
            pages("type = 'page'\nitems = 'rows'\nparam = 'offset'\nfirst = 0\nstep = 2\nsize = 2");
        let from = url("https://api.example.com/rows");
        assert_eq!(pages.first(), Some(("offset".into(), "0".into())));
        let full = json!({"rows": [1, 2]});
        let next = pages.next(&full, 1, &from, None);
        assert_eq!(next, Ok(Some(Next::With("offset".into(), "4".into()))));
        assert_eq!(pages.next(&json!({"rows": [1]}), 2, &from, None), Ok(None));
        assert_eq!(
            pages.next(&json!({"rows": 3}), 0, &from, None),
            Err(PageError::Items("rows".into()))
        );
    }

    #[test]
    fn items_of_further_pages_are_added() {
        let pages = pages("type = 'page'\nitems = 'a.rows'\nsize = 1");
        let mut whole = json!({"a": {"rows": [1], "n": 1}});
        assert_eq!(pages.join(&mut whole, json!({"a": {"rows": [2, 3]}})), Ok(2));
        assert_eq!(whole, json!({"a": {"rows": [1, 2, 3], "n": 1}}));
        assert!(pages.join(&mut whole, json!([])).is_err());
    }

    proptest! {
        #[test]
        fn any_link_header_is_read(header in "\\PC{0,64}") {
            let _ = next_link(&header);
        }
    }
}
