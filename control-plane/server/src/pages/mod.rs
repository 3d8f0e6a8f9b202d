//! The pages. The server writes them, and everything works without a script but charts, folding and zooming a trace, times in your zone, and live
//! refresh; a chart's table and a trace's list of spans are there without.
//!
//! | file | idea |
//! |---|---|
//! | `frame` | what pages are made of |
//! | `map` | the service map, and where its nodes stand |
//! | `search` | searching traces |
//! | `why` | what sets bad traces apart from good ones |
//! | `find` | finding things by what people have in hand |
//! | `waterfall` | one trace |
//! | `tenants`, `tenant` | who is hurting, and how one tenant fares |
//! | `turned_away` | whose requests were refused, where and why |
//! | `unverified` | and what was refused before anybody was known |
//! | `investigations` | what operators investigate, and the forms that change it |
//! | `groups` | requests by any attribute |
//! | `service` | what a service measures of itself |
//! | `chart` | lines over time, as a script draws them and as a table |
//! | `registry`, `access_lists` | a tenant as the registry has it, and the forms that change it |
//! | `cost` | who costs what |
//! | `audit` | what operators did, and what was changed |
//! | `sign_in` | signing in and out |

mod access_lists;
mod audit;
mod chart;
mod cost;
mod find;
mod frame;
mod groups;
mod investigations;
mod map;
mod registry;
mod search;
mod service;
mod sign_in;
mod tenant;
mod tenants;
mod turned_away;
mod unverified;
mod waterfall;
mod why;

use control_plane_access::{May, Routes};
pub(crate) use sign_in::routes as sign_in_routes;

use crate::{access::refuse, api::Sources, assets};

/// Paths of the pages.
pub(crate) fn routes() -> Routes<Sources> {
    Routes::new(refuse)
        .get(May::SignedIn, "/", map::page)
        .get(May::SignedIn, "/find", find::page)
        .get(May::SignedIn, "/traces", search::page)
        .get(May::SignedIn, "/traces/{id}", waterfall::page)
        .get(May::SignedIn, "/traces/{id}/spans/{span}", waterfall::span)
        .get(May::Staff, "/traces/{id}/metrics", waterfall::metrics)
        .get(May::SignedIn, "/groups", groups::page)
        .get(May::SignedIn, "/why", why::page)
        .get(May::Staff, "/service", service::page)
        .get(May::SignedIn, "/turned-away", turned_away::page)
        .get(May::Staff, "/investigations", investigations::page)
        .get(May::Staff, "/investigations/{id}", investigations::one)
        .post(May::Operators, "/investigations", investigations::open)
        .post(May::Operators, "/investigations/{id}/notes", investigations::add_note)
        .post(May::Operators, "/investigations/{id}/close", investigations::close)
        .post(May::Operators, "/investigations/{id}/erase", investigations::erase)
        .get(May::SignedIn, "/tenants", tenants::page)
        .get(May::SignedIn, "/tenant", tenant::page)
        .post(May::Operators, "/tenants/{id}/suspend", registry::suspend)
        .post(May::Operators, "/tenants/{id}/resume", registry::resume)
        .post(May::Operators, "/tenants/{id}/tier", registry::set_tier)
        .post(May::Operators, "/tenants/{id}/quota", registry::set_quota)
        .post(May::Operators, "/tenants/{id}/access-lists", access_lists::set)
        .get(May::SignedIn, "/cost", cost::page)
        .get(May::Staff, "/audit", audit::page)
        .get(May::Anybody, "/static/{name}", assets::file)
}
