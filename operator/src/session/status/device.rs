//! How the linked device of a session is, as its sidecar reports it. The codes that link it are credentials, and are
//! never here.

use titan_crds::{
    Reason,
    media_session::SessionState,
    report::{DeviceReport, SessionReport},
};

use super::{Finding, View};

/// Whether it is connected, and if not, why, and who has to do what.
pub(super) fn finding(device: &DeviceReport, session: &str) -> Finding {
    let reason = match (device.state, &device.reason) {
        (SessionState::Connected, _) => {
            return Finding::good(Reason::Connected, "the device is connected");
        }
        (_, None) => return Finding::Pending("the device comes up".to_owned()),
        (_, Some(reason)) => reason,
    };
    match Reason::from_name(reason) {
        Some(reason) => Finding::Bad(reason, why(reason, device, session)),
        None => Finding::Bad(Reason::Failed, format!("the device says {reason}")),
    }
}

/// The state; a device whose pods are stopped is not connected, and one that says nothing is as it was.
pub(super) fn state(view: &View<'_>, report: Option<&SessionReport>) -> Option<SessionState> {
    view.session.device.as_ref()?;
    if view.session.suspended() {
        return Some(SessionState::Disconnected);
    }
    said(report).map_or(view.previous.session_state, |device| Some(device.state))
}

/// The number of the phone, masked by the device itself.
pub(super) fn phone_number(view: &View<'_>, report: Option<&SessionReport>) -> Option<String> {
    view.session.device.as_ref()?;
    let known = || view.previous.phone_number.clone();
    said(report).map_or_else(known, |device| device.phone_number.clone())
}

fn said(report: Option<&SessionReport>) -> Option<&DeviceReport> {
    report?.device.as_ref()
}

fn why(reason: Reason, device: &DeviceReport, session: &str) -> String {
    let start = format!("POST /api/sessions/{session}/start");
    match reason {
        Reason::ScanQr => format!(
            "the device waits for its code to be scanned: GET /api/sessions/{session}/pair/qr shows it. Its keys are on \
             the session's volume; without that volume it has to be linked again"
        ),
        Reason::AutoReconnect => "the device connects again by itself".to_owned(),
        Reason::LoggedOut => {
            format!("the device was unlinked: {start} shows a new code to scan")
        }
        Reason::TemporaryBan => match device.retry_at {
            Some(at) => {
                format!("WhatsApp locked the account for a while; the device tries again at {at}")
            }
            None => "WhatsApp locked the account for a while; the device tries again".to_owned(),
        },
        Reason::QrTimeout => format!("nobody scanned the code in time: {start} shows a new one"),
        Reason::StreamError => {
            "WhatsApp broke the connection off; the device connects again by itself".to_owned()
        }
        Reason::StreamReplaced => format!(
            "the same device connected from elsewhere; when it is gone there, {start} connects it here"
        ),
        Reason::ClientOutdated => format!(
            "WhatsApp no longer speaks to this version of the device; with a newer image, {start} connects it"
        ),
        Reason::ManualStop => format!("the device was stopped: {start} connects it again"),
        Reason::Failed => format!(
            "WhatsApp refused the device, or its keys can't be used; its log says more, and {start} tries again"
        ),
        other => format!("the device says {other}"),
    }
}
