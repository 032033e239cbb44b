//! The user information item, 50H (PS3.8 D.1, PS3.7 D.3.3): maximum length, implementation, roles, identity.
//!
//! Sub-items are independent, so a malformed one is skipped and recorded, and the rest is read. One that goes beyond
//! the item is an error. Extended negotiation (56H, 57H) is read over: answering nothing means the default.
//!
//! Invariants
//! - The credentials of a [`UserIdentity`] never appear in its `Debug` form.

use alloc::{boxed::Box, vec::Vec};
use core::fmt;

use gantry_types::uid::{SopClassUid, Uid};

use crate::{
    cursor::{Cursor, put_counted, put_item, text},
    deviation::{Deviation, Deviations},
    pdu::{DecodeError, EncodeError},
};

const MAXIMUM_LENGTH: u8 = 0x51;
const IMPLEMENTATION_CLASS: u8 = 0x52;
const ASYNCHRONOUS_OPERATIONS: u8 = 0x53;
const ROLE_SELECTION: u8 = 0x54;
const IMPLEMENTATION_VERSION: u8 = 0x55;
const EXTENDED_NEGOTIATION: u8 = 0x56;
const COMMON_EXTENDED_NEGOTIATION: u8 = 0x57;
const USER_IDENTITY_RQ: u8 = 0x58;
const USER_IDENTITY_AC: u8 = 0x59;

/// More sub-items than 128 SOP classes with all their negotiations need.
const SUB_ITEMS_MAX: usize = 1024;

/// What the two sides tell each other beside the presentation contexts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UserInformation {
    /// The longest P-DATA-TF its sender wants to receive, without the header; 0 is no limit.
    pub maximum_length: Option<u32>,
    /// Implementation Class UID.
    pub implementation_class: Option<Uid>,
    /// Implementation Version Name.
    pub implementation_version: Option<Box<str>>,
    /// How many operations may be outstanding; absent means one each.
    pub asynchronous_operations: Option<AsynchronousOperations>,
    /// SCP/SCU role selections.
    pub roles: Vec<RoleSelection>,
    /// Who uses the requestor, in a request only.
    pub identity: Option<UserIdentity>,
}

/// The asynchronous operations window; 0 is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AsynchronousOperations {
    /// Outstanding operations that its sender may invoke.
    pub invoked: u16,
    /// Outstanding operations that its sender may perform.
    pub performed: u16,
}

/// Whether a role is supported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Support {
    /// 0.
    Unsupported,
    /// 1.
    Supported,
}

/// The roles of the association requestor for one SOP class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleSelection {
    /// For which SOP class.
    pub sop_class: SopClassUid,
    /// As service class user.
    pub scu: Support,
    /// As service class provider.
    pub scp: Support,
}

/// Who uses the requestor (PS3.7 D.3.3.7).
#[derive(Clone, PartialEq, Eq)]
pub struct UserIdentity {
    /// 1 user name, 2 user name and passcode, 3 Kerberos, 4 SAML, 5 JSON web token.
    pub kind: u8,
    /// Whether the requestor wants to hear that the identity was accepted.
    pub response: IdentityResponse,
    /// User name, ticket, assertion or token.
    pub primary: Vec<u8>,
    /// The passcode.
    pub secondary: Vec<u8>,
}

/// Whether the requestor wants to hear that the identity was accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdentityResponse {
    /// 0.
    NotRequested,
    /// 1.
    Requested,
}

impl fmt::Debug for UserIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserIdentity").field("kind", &self.kind).finish_non_exhaustive()
    }
}

impl UserInformation {
    /// The value of the item.
    pub(crate) fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        let mut out = Vec::new();
        if let Some(length) = self.maximum_length {
            put_item(&mut out, MAXIMUM_LENGTH, &length.to_be_bytes())?;
        }
        if let Some(class) = &self.implementation_class {
            put_item(&mut out, IMPLEMENTATION_CLASS, class.as_str().as_bytes())?;
        }
        if let Some(window) = self.asynchronous_operations {
            let value = [window.invoked.to_be_bytes(), window.performed.to_be_bytes()].concat();
            put_item(&mut out, ASYNCHRONOUS_OPERATIONS, &value)?;
        }
        for role in &self.roles {
            let mut value = Vec::new();
            put_counted(&mut value, role.sop_class.as_str().as_bytes())?;
            value.extend([role.scu.code(), role.scp.code()]);
            put_item(&mut out, ROLE_SELECTION, &value)?;
        }
        if let Some(version) = &self.implementation_version {
            put_item(&mut out, IMPLEMENTATION_VERSION, version.as_bytes())?;
        }
        if let Some(identity) = &self.identity {
            let mut value = Vec::from([identity.kind, identity.response.code()]);
            put_counted(&mut value, &identity.primary)?;
            put_counted(&mut value, &identity.secondary)?;
            put_item(&mut out, USER_IDENTITY_RQ, &value)?;
        }
        Ok(out)
    }

    /// Reads the value of the item.
    pub(crate) fn decode(value: &[u8], deviations: &mut Deviations) -> Result<Self, DecodeError> {
        let mut user = Self::default();
        let mut cursor = Cursor::new(value);
        let mut count = 0;
        while !cursor.is_empty() {
            count += 1;
            if SUB_ITEMS_MAX < count {
                return Err(DecodeError::TooManyItems(SUB_ITEMS_MAX));
            }
            let (kind, value) = cursor.item().ok_or(DecodeError::ItemBeyond("user information"))?;
            user.take(kind, value, deviations);
        }
        if user.maximum_length.is_none() {
            deviations.note(Deviation::MissingItem(MAXIMUM_LENGTH));
        }
        if user.implementation_class.is_none() {
            deviations.note(Deviation::MissingItem(IMPLEMENTATION_CLASS));
        }
        Ok(user)
    }

    fn take(&mut self, kind: u8, value: &[u8], deviations: &mut Deviations) {
        let mut cursor = Cursor::new(value);
        match kind {
            MAXIMUM_LENGTH => put_once(&mut self.maximum_length, cursor.u32(), kind, deviations),
            IMPLEMENTATION_CLASS => {
                let class = Uid::from_peer(&text(value));
                if class.as_ref().is_some_and(|class| !class.is_regular()) {
                    deviations.note(Deviation::IrregularUid);
                }
                put_once(&mut self.implementation_class, class, kind, deviations);
            }
            IMPLEMENTATION_VERSION => {
                let version = text(value).trim_matches([' ', '\0']).into();
                put_once(&mut self.implementation_version, Some(version), kind, deviations);
            }
            ASYNCHRONOUS_OPERATIONS => {
                let window = asynchronous_operations(&mut cursor);
                put_once(&mut self.asynchronous_operations, window, kind, deviations);
            }
            ROLE_SELECTION => match role_selection(&mut cursor, deviations) {
                Some(role) => self.roles.push(role),
                None => {
                    deviations.note(Deviation::MalformedItem(kind));
                }
            },
            USER_IDENTITY_RQ => put_once(&mut self.identity, identity(&mut cursor), kind, deviations),
            EXTENDED_NEGOTIATION | COMMON_EXTENDED_NEGOTIATION | USER_IDENTITY_AC => (),
            _ => {
                deviations.note(Deviation::UnknownItem(kind));
            }
        }
    }
}

impl Support {
    fn code(self) -> u8 {
        match self {
            Self::Unsupported => 0,
            Self::Supported => 1,
        }
    }

    fn from_code(code: u8, deviations: &mut Deviations) -> Self {
        if 1 < code {
            deviations.note(Deviation::RoleValue);
        }
        if code == 1 { Self::Supported } else { Self::Unsupported }
    }
}

impl IdentityResponse {
    fn code(self) -> u8 {
        match self {
            Self::NotRequested => 0,
            Self::Requested => 1,
        }
    }
}

/// The first well-formed value counts.
fn put_once<T>(place: &mut Option<T>, value: Option<T>, kind: u8, deviations: &mut Deviations) {
    match (place.is_some(), value) {
        (_, None) => {
            deviations.note(Deviation::MalformedItem(kind));
        }
        (true, Some(_)) => {
            deviations.note(Deviation::RepeatedItem(kind));
        }
        (false, value) => *place = value,
    }
}

fn asynchronous_operations(cursor: &mut Cursor<'_>) -> Option<AsynchronousOperations> {
    Some(AsynchronousOperations { invoked: cursor.u16()?, performed: cursor.u16()? })
}

fn role_selection(cursor: &mut Cursor<'_>, deviations: &mut Deviations) -> Option<RoleSelection> {
    let sop_class = SopClassUid::from_peer(&text(cursor.counted()?))?;
    let scu = Support::from_code(cursor.u8()?, deviations);
    let scp = Support::from_code(cursor.u8()?, deviations);
    Some(RoleSelection { sop_class, scu, scp })
}

fn identity(cursor: &mut Cursor<'_>) -> Option<UserIdentity> {
    let kind = cursor.u8()?;
    let response =
        if cursor.u8()? == 1 { IdentityResponse::Requested } else { IdentityResponse::NotRequested };
    let primary = cursor.counted()?.to_vec();
    // Some requestors leave the secondary field out instead of writing its length 0.
    let secondary = if cursor.is_empty() { Vec::new() } else { cursor.counted()?.to_vec() };
    Some(UserIdentity { kind, response, primary, secondary })
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    #[test]
    fn credentials_are_decoded_and_not_printed() {
        let identity = UserIdentity {
            kind: 2,
            response: IdentityResponse::Requested,
            primary: b"doctor".to_vec(),
            secondary: b"secret".to_vec(),
        };
        let user = UserInformation { identity: Some(identity), ..UserInformation::default() };
        let back = UserInformation::decode(&user.encode().unwrap(), &mut Deviations::default()).unwrap();
        assert_eq!(back, user);
        let shown = format!("{back:?}");
        assert!(!shown.contains("doctor") && !shown.contains("secret"), "{shown}");
        // Debug of bytes would show numbers instead.
        assert!(!shown.contains("100, 111"), "{shown}");
    }

    #[test]
    fn of_two_maximum_lengths_the_first_counts() {
        let value = [0x51, 0, 0, 4, 0, 0, 0x40, 0, 0x51, 0, 0, 4, 0, 0, 0x80, 0, 0x53, 0, 0, 1, 9];
        let mut deviations = Deviations::default();
        let user = UserInformation::decode(&value, &mut deviations).unwrap();
        assert_eq!(user.maximum_length, Some(0x4000));
        assert_eq!(
            deviations.into_vec(),
            [Deviation::RepeatedItem(0x51), Deviation::MalformedItem(0x53), Deviation::MissingItem(0x52)]
        );
    }
}
