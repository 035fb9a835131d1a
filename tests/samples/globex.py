"""Globex Health Research: an invented institute that runs clinical trials.

All people and numbers are invented, as in the other organisation's samples.
"""

from tests.samples.blocks import Grid, Heading, Items, NewPage, Organisation, Question, Sample, Text

DATA_POLICY = Sample(
    "globex/clinical-data-policy.pdf",
    (
        Heading(1, "Policy on Clinical Trial Data"),
        Text(
            "This policy says how Globex Health Research handles the data of people who take "
            "part in its clinical trials. It binds all employees, contractors and partner "
            "hospitals, and it is reviewed every January by the data protection board."
        ),
        Heading(2, "1 Collection"),
        Text(
            "Only data that the trial protocol names is collected. Each participant gets a "
            "study code at enrolment; the list that links codes and names stays at the hospital "
            "in a locked cabinet and is never copied to the institute."
        ),
        Items(
            (
                "Consent is signed before the first sample is taken.",
                "Participants may withdraw at any time without giving a reason.",
                "Withdrawn participants' samples are destroyed within sixty days.",
            )
        ),
        Heading(2, "2 Storage of samples"),
        Text(
            "Blood samples are stored at minus seventy degrees Celsius in freezer room 12. The "
            "freezers report their temperature every five minutes; an alarm reaches the duty "
            "scientist when a freezer is warmer than minus sixty for ten minutes."
        ),
        NewPage(),
        Heading(2, "3 Access"),
        Text(
            "Access to trial data is given by role and ends with the role. Remote access needs "
            "a hardware token. Every query to the trial database is logged, and the logs are "
            "read by the auditor once a month."
        ),
        Grid(
            (
                ("Role", "May read", "May change"),
                ("Investigator", "own site", "own site"),
                ("Monitor", "all sites", "nothing"),
                ("Statistician", "coded data", "analysis sets"),
                ("Auditor", "logs", "nothing"),
            )
        ),
        Heading(2, "4 Retention"),
        Text(
            "Trial master files are kept for twenty-five years after the end of the trial. "
            "Imaging data is moved to tape after two years. Nothing is deleted while a legal "
            "hold is open."
        ),
        Heading(2, "5 Breaches"),
        Text(
            "Whoever notices a loss of data reports it to the data protection officer at "
            "dpo@globex.example or (617) 555-0119 within four hours. The officer informs the "
            "authority within seventy-two hours and keeps the register of breaches."
        ),
    ),
    running_head="Globex Health Research - Policy DP-04",
)

LEASE = Sample(
    "globex/laboratory-lease.docx",
    (
        Heading(1, "Lease of Laboratory Premises"),
        Text(
            "Northgate Properties Ltd. lets to Globex Health Research the second and third "
            "floors of the building at 40 Canal Street, Boston, together 2,150 square metres, "
            "for use as laboratories and offices."
        ),
        Heading(2, "Rent"),
        Text(
            "The rent is $78,400 a month, payable in advance on the first working day. It rises "
            "each January with the consumer price index, but by no more than three percent."
        ),
        Heading(2, "Deposit and term"),
        Text(
            "The tenant pays a deposit of four monthly rents. The lease begins on 1 September "
            "2024 and ends on 31 August 2034, with one option to extend it by five years, to be "
            "declared twelve months before the end."
        ),
        Heading(2, "Fitting out"),
        Items(
            (
                "The tenant may install fume hoods and cold rooms at its own cost.",
                "Changes to the ventilation need the landlord's written consent.",
                "At the end of the lease the tenant removes all gas lines.",
            ),
            numbered=True,
        ),
        Heading(2, "Running costs"),
        Grid(
            (
                ("Cost", "Share of the tenant", "Settled"),
                ("Heating", "by meter", "yearly"),
                ("Lifts and cleaning", "41 percent", "quarterly"),
                ("Emergency generator", "60 percent", "yearly"),
            )
        ),
        Text("The landlord's manager is reached at lettings@northgate.example."),
    ),
    running_head="Lease 40 Canal Street",
)

SITES = Sample(
    "globex/trial-sites.csv",
    (
        Grid(
            (
                ("Site", "City", "Investigator mail", "Enrolled", "Target", "Last visit"),
                ("GX-01", "Boston", "site01@globex.example", "48", "60", "2025-06-03"),
                ("GX-02", "Rotterdam", "site02@globex.example", "61", "60", "2025-05-20"),
                ("GX-03", "Lyon", "site03@globex.example", "22", "45", "2025-06-17"),
                ("GX-04", "Porto", "site04@globex.example", "39", "40", "2025-04-29"),
                ("GX-05", "Graz", "site05@globex.example", "12", "30", "2025-06-24"),
            )
        ),
    ),
)

PRESS = Sample(
    "globex/press-notes.html",
    (
        Heading(1, "Press Notes on the LUMEN Trial"),
        Text(
            "The LUMEN trial tests whether the tablet GX-417 lowers the number of migraine "
            "days. It enrolled 182 adults in five countries and is led by the neurology clinic "
            "in Rotterdam."
        ),
        Heading(2, "Results after six months"),
        Items(
            (
                "Migraine days fell from 9.1 to 4.6 a month in the treated group.",
                "The most frequent side effect was a dry mouth, in eleven percent of participants.",
                "Seven participants left the trial early, none because of the tablet.",
            )
        ),
        Heading(2, "Next steps"),
        Text(
            "A larger trial with 900 participants starts in February 2026. Interviews are "
            "arranged by the press office at press@globex.example."
        ),
    ),
    unseen="document.title = 'rewritten by a script that no reader sees';",
)

INCIDENTS = Sample(
    "globex/laboratory-incidents.txt",
    (
        Heading(1, "LABORATORY INCIDENT LOG"),
        Text(
            "3 April: a bottle of ethanol broke in laboratory 2.14. About half a litre was "
            "taken up with the spill kit; the room was aired for two hours."
        ),
        Text(
            "19 April: centrifuge C-5 stopped with an imbalance warning. The rotor had a "
            "hairline crack and was scrapped. All rotors older than eight years are now "
            "inspected."
        ),
        Text(
            "27 May: a participant’s record was opened by mistake. Participant born on 2 "
            "November 1971, medical record number MRN 77310452, Social Security number "
            "219-09-9999, was told by telephone at (617) 555-0164 the same day."
        ),
    ),
    encoding="cp1252",
)

ONBOARDING = Sample(
    "globex/onboarding.md",
    (
        Heading(1, "Your First Week"),
        Text(
            "Welcome to Globex. Collect your badge at the **Canal Street reception** between "
            "eight and nine on Monday."
        ),
        Heading(2, "Trainings to finish before you enter a laboratory"),
        Items(
            (
                "Good clinical practice, four hours, online",
                "Biosafety level two, half a day in room 3.02",
                "Fire drill, held every Wednesday at two",
            ),
            numbered=True,
        ),
        Heading(2, "Computers"),
        Text(
            "Laptops are encrypted and lock after three minutes. Write to "
            "helpdesk@globex.example when the hardware token is lost; a replacement takes one "
            "day."
        ),
    ),
)

GLOBEX = Organisation(
    (DATA_POLICY, LEASE, SITES, PRESS, INCIDENTS, ONBOARDING),
    (
        Question("globex", "At what temperature are blood samples stored?", "minus seventy",
                 DATA_POLICY.path, 1),
        Question("globex", "How long are trial master files kept?", "twenty-five years",
                 DATA_POLICY.path, 2),
        Question("globex", "What may a statistician change in trial data?", "analysis sets",
                 DATA_POLICY.path, 2),
        Question("globex", "How much is the monthly rent of the laboratory?", "$78,400 a month",
                 LEASE.path),
        Question("globex", "Enrolled participants and target of site GX-03 in Lyon", "Lyon",
                 SITES.path),
        Question("globex", "What was the most frequent side effect of GX-417?", "dry mouth",
                 PRESS.path),
        Question("globex", "Why was the rotor of a centrifuge scrapped?", "hairline crack",
                 INCIDENTS.path),
        Question("globex", "When is the fire drill?", "every Wednesday", ONBOARDING.path),
        Question("globex", "What does an AX-140 pump casing cost?", "$236.50"),
    ),
)  # fmt: skip
