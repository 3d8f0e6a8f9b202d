//! What sets some traces apart from others, and requests by any attribute: functions of spans, whatever engine keeps them.
