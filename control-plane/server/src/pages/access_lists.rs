//! Whom a tenant turns away, on its page, and the forms that put somebody on a list and take them off.

use axum::{
    Form,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use jiff::Timestamp;
use maud::{Markup, html};
use tenancy::{List, Listed, RegistryEntry};
use tenant_registry::{Change, Tenant, Verdict, in_words_at};

use super::registry::{Filled, Filling, change};
use crate::{
    access::is_page,
    api::{Id, View},
    audit::By,
    layout::{Tab, page},
    problem::Problem,
};

/// What blocking does.
pub(super) const BLOCKS: &str = "Requests of blocked callers get 403.";
/// What allowing does.
pub(super) const ALLOWS: &str = "Where any network is allowed, requests from all others are answered 403; the same is true of users. When the time of \
                                 the last one is over, nobody is let in until the list is changed.";

/// For how long somebody is listed, in hours.
const PERIODS: [(&str, &str); 5] =
    [("", "Until it is taken off"), ("1", "An hour"), ("24", "A day"), ("168", "A week"), ("720", "30 days")];

/// `POST /tenants/{id}/access-lists`
pub(super) async fn set(view: View, by: By, Id(id): Id, headers: HeaderMap, form: Filling) -> Response {
    if let Ok(Form(form)) = &form
        && view.visitor.check_form(form.csrf.as_deref()).is_ok()
        && let Some(why) = to_confirm(&view, &id, form).await
    {
        return if is_page(&headers) {
            confirmation(&view, &id, form, &why)
        } else {
            unconfirmed(&why).into_response()
        };
    }
    let asked = |form: &Filled, _: &[_]| {
        let change = wanted(form, Timestamp::now())?;
        Ok(Box::new(move |entry: &RegistryEntry| change.of(entry, Timestamp::now().as_second())) as _)
    };
    change((view, by), id, headers, form, asked).await
}

/// Why whoever asks has to confirm it first, if they have to. What is wrong with the form is told where the change is made.
async fn to_confirm(view: &View, id: &str, form: &Filled) -> Option<String> {
    if form.refuse_most {
        return None;
    }
    let now = Timestamp::now();
    let entry = match view.registered(id).await? {
        Ok(tenant) => tenant.entry,
        Err(problem) if problem.status == StatusCode::NOT_FOUND => return None,
        Err(problem) => return Some(format!("Nobody can say whom these lists would refuse: {}", problem.detail)),
    };
    let change = wanted(form, now).ok()?.of(&entry, now.as_second()).ok()?;
    let Change::AccessLists { from, to } = change else { return None };
    if !to.may_refuse_more_than(&from) {
        return None;
    }
    let callers = view.callers(id).await.map(|answer| answer.callers).map_err(|problem| problem.detail);
    match Verdict::of(&from, &to, callers.as_deref().map_err(String::clone), now.as_second()) {
        Verdict::Confirm(why) => Some(why),
        Verdict::Make | Verdict::MakeUnforeseen(_) => None,
    }
}

fn unconfirmed(why: &str) -> Problem {
    Problem::new(StatusCode::CONFLICT, format!("{why} Nothing was changed: with refuse_most=true it is."))
}

/// The same form once more, with what it would do.
fn confirmation(view: &View, id: &str, form: &Filled, why: &str) -> Response {
    let tenant = view.place.window().link("/tenant", &[("id", id)]);
    let action = view.place.window().link(&format!("/tenants/{id}/access-lists"), &());
    let given = [
        ("list", &form.list),
        ("network", &form.network),
        ("user", &form.user),
        ("hours", &form.hours),
        ("remove", &form.remove),
        ("reason", &form.reason),
    ];
    let content = html! {
        p.callout.fault role="alert" { (why) }
        form.filters method="post" action=(action) {
            @if let Some(csrf) = view.visitor.csrf() { input type="hidden" name="csrf" value=(csrf); }
            @for (name, value) in given { input type="hidden" name=(name) value=(value); }
            @if form.refuse_others { input type="hidden" name="refuse_others" value="true"; }
            label.check.wide { input type="checkbox" name="refuse_most" value="true" required; "Change the lists of " (id) " all the same" }
            button { "Change the lists" }
            a href=(tenant) { "Leave them as they are" }
        }
    };
    (StatusCode::CONFLICT, page(&view.visitor, &view.place, "Refuse that many?", Tab::Tenants, &content))
        .into_response()
}

/// What a form asks for.
#[derive(Debug, PartialEq)]
struct Wanted {
    list: List,
    listed: Listed,
    /// Until when, and for good where there is no end; none: not any more.
    until: Option<Option<i64>>,
    /// All others may be refused by it.
    refuse_others: bool,
}

impl Wanted {
    fn of(self, entry: &RegistryEntry, now: i64) -> Result<Change, Problem> {
        let from = entry.access_lists.clone().unwrap_or_default();
        let is_added = self.until.is_some();
        if is_added && self.list == List::Allow && !self.refuse_others && from.would_refuse_others(&self.listed) {
            return Err(refused(
                "it is the first of its kind that is allowed, and all others are refused then: say that you want it",
            ));
        }
        let to = match self.until {
            Some(end) => {
                from.clone().with(self.list, self.listed, end, now).map_err(|error| refused(&error.to_string()))?
            }
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
        ("", "") => return Err(refused("name a network or a user")),
        (network, "") => Listed::Network(network.parse().map_err(|error| refused(&format!("{error}")))?),
        ("", user) => Listed::User(user.parse().map_err(|error| refused(&format!("{error}")))?),
        _ => return Err(refused("name a network or a user, and not both")),
    };
    let until = match (form.remove.as_str(), form.hours.as_str()) {
        ("true", _) => None,
        ("", "") => Some(None),
        ("", hours) => {
            let hours: i64 = hours
                .parse()
                .ok()
                .filter(|hours| (1..=8_784).contains(hours))
                .ok_or_else(|| refused("the hours are 1 to 8784"))?;
            Some(Some(now.as_second() + hours * 3_600))
        }
        _ => return Err(refused("remove is true, or left out")),
    };
    Ok(Wanted { list, listed, until, refuse_others: form.refuse_others })
}

/// Who is put on a list, and for how long.
pub(super) fn fields(list: List) -> Markup {
    html! {
        input type="hidden" name="list" value=(list.as_str());
        label { "Network, such as 203.0.113.0/24" input name="network" maxlength="50" autocomplete="off" spellcheck="false"; }
        label { "Or user, by the id that tokens have" input name="user" maxlength="128" autocomplete="off" spellcheck="false"; }
        label { "For" select name="hours" {
            @for (hours, name) in PERIODS { option value=(hours) { (name) } }
        } }
        @if list == List::Allow {
            label.check { input type="checkbox" name="refuse_others" value="true"; "Refuse all others, where this is the first network or user that is allowed" }
        }
    }
}

/// Who is on the lists; `form` makes the form that takes somebody off, from what it brings along.
pub(super) fn entries(tenant: &Tenant, form: impl Fn(&Markup) -> Markup) -> Markup {
    let now = Timestamp::now().as_second();
    html! {
        @if tenant.access_lists_are_wrong {
            p.problem { "Its access lists cannot be read, so that all of its callers are refused. The next change replaces them." }
        }
        @if let Some(lists) = &tenant.entry.access_lists {
            h3 { "Access lists" }
            @if lists.lets_nobody_in(now) { p.problem { "Nobody is let in: every entry of the allowed list has expired." } }
            ul {
                @for (list, entry) in lists.entries() {
                    li {
                        (in_words_at(now, list, entry)) " "
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
        let until = |until| Ok(Wanted { list: List::Block, listed: network.clone(), until, refuse_others: false });
        assert_eq!(wanted("list=block&network=203.0.113.7/24&user=&hours="), until(Some(None)));
        assert_eq!(wanted("list=block&network=203.0.113.0/24&hours=24"), until(Some(Some(1_800_086_400))));
        assert_eq!(wanted("list=block&network=203.0.113.0/24&remove=true"), until(None));
        for (wrong, why) in [
            ("network=203.0.113.0/24", "the list is block or allow"),
            ("list=block", "name a network or a user"),
            ("list=block&network=everywhere", "a network is an address"),
            ("list=allow&user=ann&remove=1", "remove is true"),
            ("list=allow&network=0.0.0.0/0", "at least 8 bits"),
            ("list=allow&user=a b", "the user id must be"),
            ("list=allow&user=ann&network=10.0.0.0/8", "and not both"),
            ("list=allow&user=ann&hours=0", "the hours are 1 to 8784"),
            ("list=allow&user=ann&hours=soon", "the hours are 1 to 8784"),
        ] {
            assert!(wanted(wrong).unwrap_err().contains(why), "{wrong}");
        }
    }

    #[test]
    fn the_first_that_is_allowed_has_to_be_meant() {
        let entry: RegistryEntry = serde_json::from_value(serde_json::json!({
            "tenant_id": "acme", "tier": "basic", "status": "active", "company_name": "Acme Air", "created_at": "2026-01-01T00:00:00.000Z",
        }))
        .unwrap();
        let change = |refuse_others| {
            let listed = Listed::User("ann".parse().unwrap());
            Wanted { list: List::Allow, listed, until: Some(None), refuse_others }.of(&entry, 0)
        };
        assert!(change(false).unwrap_err().detail.contains("all others are refused"));
        let Change::AccessLists { to, .. } = change(true).unwrap() else { panic!("another change") };
        assert_eq!(to.len(), 1);
    }
}
