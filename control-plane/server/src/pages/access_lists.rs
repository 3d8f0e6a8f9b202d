//! Whom a tenant turns away, on its page, and the forms that put somebody on a list and take them off.

use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use jiff::Timestamp;
use maud::{Markup, html};
use tenancy::{AccessLists, List, Listed, RegistryEntry};
use tenant_registry::{Change, in_words};

use super::registry::{Filled, Filling, change};
use crate::{
    api::{Id, View},
    audit::By,
    problem::Problem,
};

/// What the form does.
pub(super) const DOES: &str = "Requests of whoever is blocked are answered 403. Where any network is allowed, requests from all others are; \
                               the same is true of users.";

/// For how long somebody is listed, in hours.
const PERIODS: [(&str, &str); 5] =
    [("", "Until it is taken off"), ("1", "An hour"), ("24", "A day"), ("168", "A week"), ("720", "30 days")];

/// `POST /tenants/{id}/access-lists`
pub(super) async fn set(view: View, by: By, Id(id): Id, headers: HeaderMap, form: Filling) -> Response {
    let asked = |form: &Filled, _: &[_]| {
        let change = wanted(form, Timestamp::now())?;
        Ok(Box::new(move |entry: &RegistryEntry| change.of(entry)) as _)
    };
    change((view, by), id, headers, form, asked).await
}

/// What a form asks for.
#[derive(Debug, PartialEq)]
struct Wanted {
    list: List,
    listed: Listed,
    /// Until when, and for good where there is no end; none: not any more.
    until: Option<Option<i64>>,
}

impl Wanted {
    fn of(self, entry: &RegistryEntry) -> Result<Change, Problem> {
        let from = entry.access_lists.clone().unwrap_or_default();
        let to = match self.until {
            Some(end) => from.clone().with(self.list, self.listed, end).map_err(|error| refused(&error.to_string()))?,
            None => from.clone().without(self.list, &self.listed),
        };
        if from == to {
            return Err(refused("nothing would change"));
        }
        Ok(Change::AccessLists { from, to })
    }
}

fn refused(why: &str) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, format!("access lists: {why}."))
}

fn wanted(form: &Filled, now: Timestamp) -> Result<Wanted, Problem> {
    let list = [List::Block, List::Allow].into_iter().find(|list| list.as_str() == form.list);
    let list = list.ok_or_else(|| refused("the list is block or allow"))?;
    let listed = match (form.network.trim(), form.user.trim()) {
        (network, "") => Listed::Network(network.parse().map_err(|error| refused(&format!("{error}")))?),
        ("", user) => Listed::User(user.parse().map_err(|error| refused(&format!("{error}")))?),
        _ => return Err(refused("name a network or a user, and not both")),
    };
    let until = match (form.remove.as_str(), form.hours.as_str()) {
        ("true", _) => None,
        (_, "") => Some(None),
        (_, hours) => {
            let hours: i64 = hours
                .parse()
                .ok()
                .filter(|hours| (1..=8_784).contains(hours))
                .ok_or_else(|| refused("the hours are 1 to 8784"))?;
            Some(Some(now.as_second() + hours * 3_600))
        }
    };
    Ok(Wanted { list, listed, until })
}

/// Who is put on which list, and for how long.
pub(super) fn fields() -> Markup {
    html! {
        label { "List" select name="list" {
            option value=(List::Block.as_str()) { "Block" }
            option value=(List::Allow.as_str()) { "Allow" }
        } }
        label { "Network, such as 203.0.113.0/24" input name="network" maxlength="50" autocomplete="off" spellcheck="false"; }
        label { "Or user, by the id that tokens have" input name="user" maxlength="128" autocomplete="off" spellcheck="false"; }
        label { "For" select name="hours" {
            @for (hours, name) in PERIODS { option value=(hours) { (name) } }
        } }
    }
}

/// Who is on the lists; `form` makes the form that takes somebody off, from what it brings along.
pub(super) fn entries(lists: Option<&AccessLists>, form: impl Fn(&Markup) -> Markup) -> Markup {
    html! {
        @if let Some(lists) = lists {
            h3 { "Access lists" }
            ul {
                @for (list, entry) in lists.entries() {
                    li {
                        (in_words(list, entry)) " "
                        (form(&html! {
                            input type="hidden" name="list" value=(list.as_str());
                            input type="hidden" name="remove" value="true";
                            @match &entry.listed {
                                Listed::Network(network) => { input type="hidden" name="network" value=(network); }
                                Listed::User(user) => { input type="hidden" name="user" value=(user); }
                            }
                        }))
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(text: &str) -> Filled {
        serde_json::from_value(text.split('&').filter_map(|pair| pair.split_once('=')).collect()).unwrap()
    }

    #[test]
    fn a_form_says_who_is_listed_and_until_when() {
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let network = Listed::Network("203.0.113.0/24".parse().unwrap());
        let wanted = |text: &str| super::wanted(&form(text), now).map_err(|problem| problem.detail);
        let until = |until| Ok(Wanted { list: List::Block, listed: network.clone(), until });
        assert_eq!(wanted("list=block&network=203.0.113.7/24&user=&hours="), until(Some(None)));
        assert_eq!(wanted("list=block&network=203.0.113.0/24&hours=24"), until(Some(Some(1_800_086_400))));
        assert_eq!(wanted("list=block&network=203.0.113.0/24&remove=true"), until(None));
        for (wrong, why) in [
            ("network=203.0.113.0/24", "the list is block or allow"),
            ("list=block", "a network is an address"),
            ("list=allow&network=0.0.0.0/0", "at least 8 bits"),
            ("list=allow&user=a b", "the user id must be"),
            ("list=allow&user=ann&network=10.0.0.0/8", "and not both"),
            ("list=allow&user=ann&hours=0", "the hours are 1 to 8784"),
            ("list=allow&user=ann&hours=soon", "the hours are 1 to 8784"),
        ] {
            assert!(wanted(wrong).unwrap_err().contains(why), "{wrong}");
        }
    }
}
