//! A tenant as the registry has it, on its page, and the forms by which operators change it.

use axum::{
    Form, Json,
    extract::rejection::FormRejection,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Redirect, Response},
};
use maud::{Markup, html};
use serde::Deserialize;
use tenancy::{List, Quota, TenantId, TenantStatus, Tier};
use tenant_registry::{Change, Reason, Tenant};

use super::access_lists;
use crate::{
    access::is_page,
    api::{Id, View, WindowQuery},
    audit::By,
    layout::failed,
    problem::Problem,
    tenants::Asked,
    text::readable,
};

/// What a form brings along.
#[derive(Debug, Deserialize)]
pub(super) struct Filled {
    pub(super) csrf: Option<String>,
    #[serde(default)]
    pub(super) reason: String,
    /// The tier or the quota that the page showed, and what is wanted.
    #[serde(default)]
    shown: String,
    #[serde(default)]
    tier: String,
    #[serde(default)]
    requests_per_second: String,
    #[serde(default)]
    burst: String,
    #[serde(default)]
    bookings_per_day: String,
    /// What the tier gives is wanted, whatever the numbers are.
    #[serde(default)]
    default: bool,
    /// Who is put on a list or taken off it, and for how many hours.
    #[serde(default)]
    pub(super) list: String,
    #[serde(default)]
    pub(super) network: String,
    #[serde(default)]
    pub(super) user: String,
    #[serde(default)]
    pub(super) hours: String,
    #[serde(default)]
    pub(super) remove: String,
    #[serde(default)]
    pub(super) refuse_others: bool,
    /// The new lists may refuse most requests.
    #[serde(default)]
    pub(super) refuse_most: bool,
}

/// What a page shows as the quota where the registry has one that cannot be read.
const WRONG: &str = "wrong";

pub(super) type Filling = Result<Form<Filled>, FormRejection>;

/// `POST /tenants/{id}/suspend`
pub(super) async fn suspend(view: View, by: By, Id(id): Id, headers: HeaderMap, form: Filling) -> Response {
    change((view, by), id, headers, form, |_, _| Ok(of_the_form(Change::SUSPEND))).await
}

/// `POST /tenants/{id}/resume`
pub(super) async fn resume(view: View, by: By, Id(id): Id, headers: HeaderMap, form: Filling) -> Response {
    change((view, by), id, headers, form, |_, _| Ok(of_the_form(Change::RESUME))).await
}

/// `POST /tenants/{id}/tier`
pub(super) async fn set_tier(view: View, by: By, Id(id): Id, headers: HeaderMap, form: Filling) -> Response {
    change((view, by), id, headers, form, |form, tiers| tier_change(form, tiers).map(of_the_form)).await
}

/// `POST /tenants/{id}/quota`
pub(super) async fn set_quota(view: View, by: By, Id(id): Id, headers: HeaderMap, form: Filling) -> Response {
    change((view, by), id, headers, form, |form, _| quota_change(form).map(of_the_form)).await
}

/// A change that follows from the form alone, whatever the registry has.
fn of_the_form(change: Change) -> Asked {
    Box::new(|_| Ok(change))
}

fn quota_change(form: &Filled) -> Result<Change, Problem> {
    let read = |what: &str, text: &str| {
        text.parse::<Quota>()
            .map(Some)
            .map_err(|error| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, format!("{what}: {error}.")))
    };
    let from = match form.shown.as_str() {
        "" | WRONG => None,
        shown => read("shown", shown)?,
    };
    let numbers = [&form.requests_per_second, &form.burst, &form.bookings_per_day].map(|number| number.trim());
    let to = if form.default { None } else { read("quota", &numbers.join("/"))? };
    if from == to && form.shown != WRONG {
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "quota: the tenant has this quota already."));
    }
    Ok(Change::Quota { from, to })
}

fn tier_change(form: &Filled, tiers: &[Tier]) -> Result<Change, Problem> {
    let unknown = |what| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, format!("{what}: there is no such tier."));
    let to = form.tier.parse().ok().filter(|tier| tiers.contains(tier)).ok_or_else(|| unknown("tier"))?;
    let from = form.shown.parse().map_err(|_| unknown("shown"))?;
    if from == to {
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "tier: the tenant has this tier already."));
    }
    Ok(Change::Tier { from, to })
}

pub(super) async fn change(
    (view, by): (View, By),
    id: String,
    headers: HeaderMap,
    form: Filling,
    change: impl FnOnce(&Filled, &[Tier]) -> Result<Asked, Problem>,
) -> Response {
    let page = view.place.window().link("/tenant", &[("id", &id)]);
    let changed = async {
        let Form(form) = form.map_err(|refused| Problem::new(refused.status(), refused.body_text()))?;
        view.visitor.check_form(form.csrf.as_deref())?;
        let tenants =
            view.tenants().ok_or_else(|| Problem::not_found("No registry of tenants is configured."))?.clone();
        let reason: Reason = form
            .reason
            .parse()
            .map_err(|error| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, format!("reason: {error}.")))?;
        let change = change(&form, &tenants.tiers)?;
        // Whoever asks may go before it is done: what has begun is ended, and recorded.
        let changing = tokio::spawn(async move { tenants.change(&id, change, by, reason).await });
        changing.await.map_err(|error| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))?
    };
    match changed.await {
        Ok(_) if is_page(&headers) => Redirect::to(&format!("{page}#registry")).into_response(),
        Ok(tenant) => Json(tenant).into_response(),
        Err(problem) if is_page(&headers) => failed(&problem, &page, "Back to the tenant"),
        Err(problem) => problem.into_response(),
    }
}

/// What the registry says of a tenant, and what may be done.
pub(super) fn section(view: &View, registered: &Result<Tenant, Problem>) -> Markup {
    // Who of the staff decided, and why, is not the tenant's to read.
    let staff = view.visitor.scope().tenant().is_none();
    let tenant = match registered {
        Ok(tenant) => tenant,
        Err(problem) if problem.status == StatusCode::NOT_FOUND => {
            return html! { @if staff { p { "This tenant is not in the registry: it cannot be suspended or given a tier or a quota here." } } };
        }
        // Why it does not answer names accounts and roles.
        Err(problem) => {
            let why = if staff { &problem.detail } else { "Your company's details cannot be shown at the moment." };
            return html! { p.problem role="status" { (why) } };
        }
    };
    let entry = &tenant.entry;
    let suspended = entry.status == TenantStatus::Suspended;
    html! {
        section #registry.registry aria-label="Registry" {
            dl.facts {
                div { dt { "Company" } dd { (entry.company_name) } }
                div { dt { "Status" } dd { strong.fault[suspended] { (entry.status.as_str()) } } }
                div { dt { "Tier, by the registry" } dd { (entry.tier.as_str()) } }
                div { dt { "Quota of each API" } dd { strong.fault[tenant.quota_is_wrong] { (tenant.quota_in_words()) } } }
            }
            @if let Some(last) = tenant.last_change.as_ref().filter(|_| staff) {
                p.changed { "Changed " time datetime=(last.changed_at) { (readable(&last.changed_at.to_string())) } " by " (last.changed_by) ": " (last.change_reason.to_string()) }
            }
            @if staff { p { a href=(view.place.window().link("/audit", &[("tenant", entry.tenant_id.as_str())])) { "Its audit records" } } }
            @if let Some(tenants) = view.tenants().filter(|_| view.visitor.principal().may_change()) {
                @let forms = Forms { id: &entry.tenant_id, csrf: view.visitor.csrf(), window: view.place.window() };
                @if suspended {
                    (forms.form("resume", "Resume", "Its requests are served again.", &html! {}))
                } @else {
                    (forms.form("suspend", "Suspend", "All its requests are refused from now on, in all accounts. What was accepted before is still done.", &html! {
                        label.check { input type="checkbox" required; "Refuse the requests of " (entry.company_name) }
                    }))
                }
                @let others: Vec<&Tier> = tenants.tiers.iter().filter(|tier| **tier != entry.tier).collect();
                @if !others.is_empty() {
                    (forms.form("tier", "Set tier", "The new tier holds even while tokens name the old one.", &html! {
                        input type="hidden" name="shown" value=(entry.tier.as_str());
                        label { "Tier" select name="tier" {
                            @for tier in others { option value=(tier.as_str()) { (tier.as_str()) } }
                        } }
                    }))
                }
                @let shown = if tenant.quota_is_wrong { WRONG.to_owned() } else { entry.quota.map(|quota| quota.to_string()).unwrap_or_default() };
                @let now = |number: fn(Quota) -> u32| entry.quota.map(|quota| number(quota).to_string());
                (forms.form("quota", "Set quota", "Requests beyond it get 429.", &html! {
                    input type="hidden" name="shown" value=(shown);
                    (number("Requests a second", "requests_per_second", Quota::MOST_REQUESTS_PER_SECOND, now(Quota::requests_per_second)))
                    (number("Requests at once", "burst", Quota::MOST_BURST, now(Quota::burst)))
                    (number("Bookings a day (UTC)", "bookings_per_day", Quota::MOST_BOOKINGS_PER_DAY, now(Quota::bookings_per_day)))
                    label.check { input type="checkbox" name="default" value="true"; "Rather what its tier gives" }
                }))
                (forms.form("access-lists", "Block", access_lists::BLOCKS, &access_lists::fields(List::Block)))
                (forms.form("access-lists", "Allow", access_lists::ALLOWS, &access_lists::fields(List::Allow)))
                (access_lists::entries(tenant, |removed| forms.form("access-lists", "Take off the list", "It is not on the list any more.", removed)))
            } @else if staff {
                (access_lists::entries(tenant, |_| html! {}))
            }
        }
    }
}

/// A whole number from 1 on, which may be left out.
fn number(label: &str, name: &str, most: u32, now: Option<String>) -> Markup {
    html! { label { (label) input type="number" name=(name) min="1" max=(most) value=[now]; } }
}

struct Forms<'a> {
    id: &'a TenantId,
    csrf: Option<&'a str>,
    window: &'a WindowQuery,
}

impl Forms<'_> {
    /// A form that one opens before one sends it.
    fn form(&self, action: &str, button: &str, does: &str, fields: &Markup) -> Markup {
        html! {
            details {
                summary { (button) "…" }
                form.filters method="post" action=(self.window.link(&format!("/tenants/{}/{action}", self.id.as_str()), &())) {
                    p.wide { (does) " That takes up to half a minute to reach every function." }
                    @if let Some(csrf) = self.csrf { input type="hidden" name="csrf" value=(csrf); }
                    (fields)
                    label.wide { "Reason (kept in the audit)" input name="reason" required maxlength=(Reason::MAX); }
                    button { (button) }
                }
            }
        }
    }
}
