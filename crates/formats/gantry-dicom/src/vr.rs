//! Value representations (PS3.5 6.2).

use core::fmt;

macro_rules! vrs {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// A value representation.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Vr { $($(#[$doc])* $name,)* }

        impl Vr {
            /// Reads the two letters of an explicit VR.
            #[must_use]
            pub fn parse(letters: [u8; 2]) -> Option<Self> {
                $(if stringify!($name).as_bytes() == letters { return Some(Self::$name); })*
                None
            }

            /// The two letters.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)* }
            }
        }
    };
}

vrs! {
    /// Application Entity.
    AE,
    /// Age String.
    AS,
    /// Attribute Tag.
    AT,
    /// Code String.
    CS,
    /// Date.
    DA,
    /// Decimal String.
    DS,
    /// Date Time.
    DT,
    /// Floating Point Single.
    FL,
    /// Floating Point Double.
    FD,
    /// Integer String.
    IS,
    /// Long String.
    LO,
    /// Long Text.
    LT,
    /// Other Byte.
    OB,
    /// Other Double.
    OD,
    /// Other Float.
    OF,
    /// Other Long.
    OL,
    /// Other 64-bit Very Long.
    OV,
    /// Other Word.
    OW,
    /// Person Name.
    PN,
    /// Short String.
    SH,
    /// Signed Long.
    SL,
    /// Sequence of Items.
    SQ,
    /// Signed Short.
    SS,
    /// Short Text.
    ST,
    /// Signed 64-bit Very Long.
    SV,
    /// Time.
    TM,
    /// Unlimited Characters.
    UC,
    /// Unique Identifier.
    UI,
    /// Unsigned Long.
    UL,
    /// Unknown.
    UN,
    /// Universal Resource.
    UR,
    /// Unsigned Short.
    US,
    /// Unlimited Text.
    UT,
    /// Unsigned 64-bit Very Long.
    UV,
}

/// How the length of an element with this VR is written in explicit encodings (PS3.5 7.1.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LengthField {
    /// Two bytes.
    Short,
    /// Two reserved bytes, then four.
    Long,
}

impl Vr {
    pub(crate) fn length_field(self) -> LengthField {
        use Vr::{
            AE, AS, AT, CS, DA, DS, DT, FD, FL, IS, LO, LT, OB, OD, OF, OL, OV, OW, PN, SH, SL, SQ, SS, ST,
            SV, TM, UC, UI, UL, UN, UR, US, UT, UV,
        };
        match self {
            OB | OD | OF | OL | OV | OW | SQ | SV | UC | UN | UR | UT | UV => LengthField::Long,
            AE | AS | AT | CS | DA | DS | DT | FD | FL | IS | LO | LT | PN | SH | SL | SS | ST | TM | UI
            | UL | US => LengthField::Short,
        }
    }

    /// Bytes of one number, for VRs whose byte order the encoding decides; 1 for all others.
    #[must_use]
    pub fn word_bytes(self) -> usize {
        use Vr::{
            AE, AS, AT, CS, DA, DS, DT, FD, FL, IS, LO, LT, OB, OD, OF, OL, OV, OW, PN, SH, SL, SQ, SS, ST,
            SV, TM, UC, UI, UL, UN, UR, US, UT, UV,
        };
        match self {
            AT | OW | SS | US => 2,
            FL | OF | OL | SL | UL => 4,
            FD | OD | OV | SV | UV => 8,
            AE | AS | CS | DA | DS | DT | IS | LO | LT | OB | PN | SH | SQ | ST | TM | UC | UI | UN | UR
            | UT => 1,
        }
    }

    /// Whether Specific Character Set (0008,0005) decides how its bytes are read (PS3.5 6.1.2.2).
    #[must_use]
    pub fn is_text(self) -> bool {
        matches!(self, Self::LO | Self::LT | Self::PN | Self::SH | Self::ST | Self::UC | Self::UT)
    }

    /// The byte that makes an odd value even: NUL for UIDs and binary values, space for text (PS3.5 6.2).
    pub(crate) fn padding(self) -> u8 {
        if self == Self::UI || self == Self::OB || self == Self::UN { 0 } else { b' ' }
    }
}

impl fmt::Display for Vr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
