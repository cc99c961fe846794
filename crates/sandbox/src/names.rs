//! Words that the firm's records are made of. All people, firms and cases are invented.

pub const FIRST: [&str; 48] = [
    "Amara",
    "Anders",
    "Beatriz",
    "Björn",
    "Callum",
    "Chiara",
    "Connor",
    "Dalia",
    "Darius",
    "Eleanor",
    "Emeka",
    "Farah",
    "Felix",
    "François",
    "Gloria",
    "Grace",
    "Hana",
    "Henrik",
    "Imogen",
    "Isaac",
    "Jasper",
    "José",
    "Joanna",
    "Karim",
    "Katya",
    "Laszlo",
    "Leila",
    "Liam",
    "Maeve",
    "Marcus",
    "Nadia",
    "Noah",
    "Olivia",
    "Omar",
    "Paloma",
    "Quentin",
    "Renée",
    "Rohan",
    "Saoirse",
    "Simon",
    "Tamsin",
    "Tobias",
    "Uma",
    "Victor",
    "Wren",
    "Yusuf",
    "Zoë",
    "Zofia",
];

pub const LAST: [&str; 56] = [
    "Abernathy",
    "Adeyemi",
    "Ashworth",
    "Bauer",
    "Bellamy",
    "Beaulieu",
    "Carmichael",
    "Castellanos",
    "Chaudhry",
    "Clarke",
    "Dąbrowski",
    "Delacroix",
    "Doherty",
    "Eastwood",
    "Eriksen",
    "Fairbanks",
    "Farrow",
    "Fontaine",
    "Gallagher",
    "Goldberg",
    "Grantham",
    "Haddad",
    "Halloran",
    "Hoffmann",
    "Ibrahim",
    "Iwasaki",
    "Jennings",
    "Kowalski",
    "Kaplan",
    "Lindqvist",
    "Lévesque",
    "MacLeod",
    "Marchetti",
    "Mbeki",
    "Müller",
    "Nakamura",
    "Núñez",
    "O'Brien",
    "Okafor",
    "Oyelaran",
    "Patel",
    "Pemberton",
    "Quigley",
    "Ramirez",
    "Rosenthal",
    "Saltzman",
    "Sinclair",
    "Smith",
    "Takahashi",
    "Thornbury",
    "Underhill",
    "Vance",
    "Whitaker",
    "Xiong",
    "Yilmaz",
    "Zielinski",
];

pub const TRADES: [&str; 16] = [
    "Logistics",
    "Foods",
    "Timber",
    "Robotics",
    "Textiles",
    "Construction",
    "Pharma",
    "Marine",
    "Software",
    "Properties",
    "Energy",
    "Catering",
    "Optics",
    "Mining",
    "Media",
    "Foundry",
];

pub const LEGAL_FORMS: [&str; 5] = ["Inc.", "Ltd.", "LLP", "& Sons", "Corp."];

pub const MAIL_HOSTS: [&str; 4] = [
    "mail.example",
    "post.example",
    "inbox.example",
    "letters.example",
];

pub const CITIES: [(&str, &str); 10] = [
    ("Toronto", "ON"),
    ("Ottawa", "ON"),
    ("Hamilton", "ON"),
    ("Montréal", "QC"),
    ("Québec", "QC"),
    ("Vancouver", "BC"),
    ("Victoria", "BC"),
    ("Calgary", "AB"),
    ("Halifax", "NS"),
    ("Winnipeg", "MB"),
];

pub const AREA_CODES: [&str; 6] = ["416", "647", "905", "613", "514", "604"];

pub const STREETS: [&str; 12] = [
    "Queen Street",
    "King Street West",
    "Bathurst Street",
    "Elgin Street",
    "Main Street",
    "Dundas Street East",
    "Granville Street",
    "Portage Avenue",
    "Barrington Street",
    "Rue Sainte-Catherine",
    "Wellington Street",
    "Lakeshore Road",
];

pub const COLORS: [&str; 8] = [
    "#367B9C", "#FFA5A4", "#83D17F", "#FFAC7B", "#8E3F64", "#C75300", "#009CEC", "#62D6B1",
];

/// Name, category and stages of a practice area.
pub const AREAS: [(&str, &str, &[&str]); 10] = [
    (
        "Civil Litigation",
        "civil_litigation",
        &["Intake", "Pleadings", "Discovery", "Trial", "Resolved"],
    ),
    (
        "Family Law",
        "family",
        &["Intake", "Disclosure", "Negotiation", "Settled"],
    ),
    (
        "Real Estate",
        "real_estate",
        &["Offer", "Due diligence", "Closing", "Closed"],
    ),
    (
        "Wills and Estates",
        "wills_and_estates",
        &["Instructions", "Drafting", "Execution", "Done"],
    ),
    (
        "Employment",
        "employment_and_labor",
        &["Intake", "Demand", "Mediation", "Resolved"],
    ),
    (
        "Corporate",
        "commercial_litigation",
        &["Engaged", "Drafting", "Signing", "Done"],
    ),
    (
        "Personal Injury",
        "personal_injury",
        &["Intake", "Treatment", "Demand", "Settled"],
    ),
    (
        "Immigration",
        "immigration",
        &["Intake", "Application", "Decision", "Done"],
    ),
    (
        "Intellectual Property",
        "intellectual_property",
        &["Search", "Filing", "Prosecution", "Granted"],
    ),
    (
        "Criminal Defence",
        "criminal",
        &["Retained", "Disclosure", "Trial", "Disposed"],
    ),
];

/// What cases are about.
pub const CASES: [[&str; 6]; 4] = [
    [
        "breach of contract",
        "debt claim",
        "boundary dispute",
        "negligence claim",
        "injunction",
        "appeal",
    ],
    [
        "separation agreement",
        "custody",
        "support variation",
        "estate of a parent",
        "adoption",
        "trust",
    ],
    [
        "purchase of a house",
        "sale of a condominium",
        "commercial lease",
        "refinancing",
        "easement",
        "subdivision",
    ],
    [
        "shareholder agreement",
        "share purchase",
        "reorganization",
        "trademark",
        "licence",
        "annual filings",
    ],
];

/// Descriptions of work, with their rate per hour.
pub const WORK: &[(&str, f64)] = &[
    ("Drafting", 350.0),
    ("Research", 300.0),
    ("Client meeting", 350.0),
    ("Court appearance", 450.0),
    ("Correspondence", 250.0),
    ("Review of documents", 275.0),
    ("Negotiation", 400.0),
    ("Travel", 150.0),
];

pub const EXPENSES: [&str; 6] = [
    "Court fees",
    "Courier",
    "Photocopies",
    "Travel",
    "Expert report",
    "Land registry",
];

pub const TASK_TYPES: [&str; 5] = ["Drafting", "Filing", "Review", "Call", "Meeting"];

pub const DOCUMENT_CATEGORIES: [&str; 5] = [
    "Correspondence",
    "Pleadings",
    "Evidence",
    "Agreements",
    "Invoices",
];

pub const EVENT_TYPES: &[(&str, &str)] = &[
    ("Hearing", "#C75300"),
    ("Client meeting", "#009CEC"),
    ("Deadline", "#8E3F64"),
    ("Call", "#62D6B1"),
];

/// Name, type and options of a custom field.
pub type CustomField = (&'static str, &'static str, &'static [&'static str]);

pub const MATTER_FIELDS: &[CustomField] = &[
    ("Court file number", "text_line", &[]),
    ("Amount in dispute", "currency", &[]),
    (
        "Jurisdiction",
        "picklist",
        &["Ontario", "Québec", "British Columbia", "Federal"],
    ),
    ("Conflict check done", "checkbox", &[]),
    ("Next hearing", "date", &[]),
    ("Witnesses", "numeric", &[]),
];

pub const CONTACT_FIELDS: &[CustomField] = &[
    ("Client number", "text_line", &[]),
    (
        "Referred by",
        "picklist",
        &["Website", "Friend", "Other lawyer", "Advertisement"],
    ),
    ("Second email", "email", &[]),
    ("Web page", "url", &[]),
];

/// The custom fields whose values stand for records: whose fields they are, name and type.
pub const RECORD_FIELDS: &[(&str, &str, &str)] = &[
    ("Matter", "Referring lawyer", "contact"),
    ("Matter", "Related matter", "matter"),
    ("Contact", "Introduced by", "contact"),
];

pub const ROLES: [&str; 6] = [
    "Opposing party",
    "Opposing counsel",
    "Witness",
    "Expert",
    "Insurer",
    "Spouse",
];

pub const DOCUMENTS: [&str; 8] = [
    "Retainer agreement",
    "Statement of claim",
    "Affidavit",
    "Letter to client",
    "Draft agreement",
    "Expert report",
    "Notice of motion",
    "Closing statement",
];

pub const NOTES: [&str; 10] = [
    "Reviewed the file and wrote to the client",
    "Telephone call with opposing counsel re: adjournment",
    "Prepared draft affidavit; revised exhibits \"A\" to \"D\"",
    "Attended at court, motion heard",
    "Legal research on limitation periods",
    "Meeting with client, instructions taken",
    "Reviewed productions (3 boxes, 1,240 pages)",
    "Correspondence with the insurer",
    "Négociation avec la partie adverse",
    "Prepared for examination, 50% of the outline done",
];

pub const TASKS: [&str; 8] = [
    "File the statement of defence",
    "Call the client",
    "Prepare the closing",
    "Review disclosure",
    "Send the invoice",
    "Serve the motion record",
    "Order the transcript",
    "Draft the agreement",
];

pub const EVENTS: [&str; 6] = [
    "Hearing",
    "Client meeting",
    "Examination",
    "Mediation",
    "Settlement conference",
    "Call",
];

pub const PLACES: [&str; 5] = [
    "Courthouse, room 4-2",
    "Boardroom",
    "By video",
    "Client's office",
    "361 University Avenue",
];

pub const MEMOS: [(&str, &str); 5] = [
    (
        "Instructions",
        "The client wants to settle if costs are covered.\nLimit: $25,000.",
    ),
    ("Call", "Left a message; \"will call back on Monday\"."),
    (
        "Strategy",
        "Move first, then examine.\tSee the memo of last week.",
    ),
    (
        "Conflict check",
        "No conflict found: searched client, spouse & both companies.",
    ),
    (
        "Entretien",
        "Le client préfère une réponse écrite — à faire avant vendredi.",
    ),
];

pub const LETTERS: [(&str, &str); 5] = [
    (
        "Your file",
        "Dear client,\n\nplease find enclosed the draft for your review.\n\nKind regards",
    ),
    (
        "Re: offer to settle",
        "We have received your offer and will take instructions.",
    ),
    (
        "Documents",
        "Could you send us the statements of the last three years?",
    ),
    (
        "Hearing date",
        "The hearing was moved. We will confirm the new date.",
    ),
    (
        "Invoice",
        "Attached is our invoice. It is payable within 30 days.",
    ),
];

/// The content type of a file name.
pub fn content_type(filename: &str) -> &'static str {
    match filename.rsplit('.').next().unwrap_or_default() {
        "pdf" => "application/pdf",
        "docx" => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "txt" => "text/plain",
        "eml" => "message/rfc822",
        _ => "application/octet-stream",
    }
}
