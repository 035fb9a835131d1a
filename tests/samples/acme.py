"""Acme Industrial Supplies: an invented maker of pumps, its suppliers, its workshop.

All people and numbers are invented; the Social Security number is a published void one, the
telephone numbers are from the range kept for fiction, the bank account is the standard's example.
"""

from tests.samples.blocks import Grid, Heading, Items, NewPage, Organisation, Question, Sample, Text

SUPPLY = Sample(
    "acme/supply-agreement.pdf",
    (
        Heading(1, "Supply Agreement for Pump Castings"),
        Text(
            "This agreement is made between Acme Industrial Supplies Inc., 18 Foundry Road, "
            "Dayton, Ohio (the Buyer) and Brightwater Castings LLC of Erie, Pennsylvania (the "
            "Supplier). It takes effect on 1 March 2025 and replaces all earlier arrangements "
            "for grey iron and bronze castings between the two companies."
        ),
        Heading(2, "1 Scope of supply"),
        Text(
            "The Supplier casts, machines and delivers volute casings and impellers for the "
            "centrifugal pumps of the AX series according to the drawings in Annex A. Castings "
            "are delivered free of sand and scale, with the heat number cast into the flange."
        ),
        Items(
            (
                "Volute casings in grey iron EN-GJL-250, machined on both flanges",
                "Impellers in tin bronze CuSn12, balanced to grade G6.3",
                "Wear rings in the same bronze, delivered in matched pairs",
            )
        ),
        Heading(2, "2 Delivery"),
        Text(
            "Orders are confirmed within two working days. The Supplier delivers to the "
            "receiving dock in Dayton every Tuesday before ten in the morning. A delivery that "
            "is late by more than five working days lowers the price of that delivery by two "
            "percent for each further week, up to a limit of ten percent."
        ),
        NewPage(),
        Heading(2, "3 Prices and payment"),
        Text(
            "Prices are fixed until 28 February 2027 and follow the table below. Invoices are "
            "paid within forty-five days of receipt to the account GB82 WEST 1234 5698 7654 32. "
            "The Buyer takes a discount of three percent when it pays within ten days."
        ),
        Grid(
            (
                ("Part", "Material", "Unit price", "Minimum order"),
                ("AX-110 casing", "EN-GJL-250", "$184.00", "40"),
                ("AX-140 casing", "EN-GJL-250", "$236.50", "25"),
                ("AX-110 impeller", "CuSn12", "$92.75", "60"),
                ("AX-140 impeller", "CuSn12", "$121.20", "60"),
            )
        ),
        Heading(2, "4 Quality"),
        Text(
            "Each heat is tested for tensile strength and hardness, and the certificate travels "
            "with the goods. When more than four castings in one hundred are porous, the Buyer "
            "may send back the whole heat at the Supplier's cost. Castings are pressure tested "
            "at sixteen bar for ten minutes without visible leakage."
        ),
        NewPage(),
        Heading(2, "5 Warranty"),
        Text(
            "The Supplier warrants every casting against defects of material and workmanship "
            "for thirty months from delivery. A defective casting is replaced within three "
            "weeks, and the Supplier bears the cost of removal and refitting up to $2,500 for "
            "each pump."
        ),
        Heading(2, "6 Term and termination"),
        Text(
            "The agreement runs for three years. After the first year either party may end it "
            "with ninety days of written notice sent by registered mail. Orders that were "
            "confirmed before the notice are completed at the agreed prices."
        ),
        Heading(2, "7 Contacts"),
        Text(
            "Questions about orders go to the Buyer's purchasing manager, Dana Whitfield, at "
            "dana.whitfield@acme.example or (937) 555-0142. Claims go to the Supplier's quality "
            "engineer at quality@brightwater.example."
        ),
    ),
    running_head="Acme Industrial Supplies - Supply Agreement BW-2025-07",
)

MAINTENANCE = Sample(
    "acme/pump-maintenance-procedure.docx",
    (
        Heading(1, "Procedure for Servicing AX Pumps"),
        Text(
            "This procedure tells workshop staff how to take an AX centrifugal pump out of "
            "service, replace its mechanical seal and bring it back. It applies to AX-110 and "
            "AX-140."
        ),
        Heading(2, "Before the work begins"),
        Items(
            (
                "Lock out the motor at the local switch and hang your personal tag on it.",
                "Close the suction and discharge valves and open the drain until no water runs.",
                "Let the casing cool below forty degrees Celsius.",
            ),
            numbered=True,
        ),
        Heading(2, "Replacing the mechanical seal"),
        Text(
            "Loosen the eight casing bolts crosswise. Pull the rotating assembly straight back "
            "with the puller P-7. Never touch the lapped faces of the new seal with bare "
            "fingers. Grease the O-rings with silicone grease only, since mineral grease swells "
            "them."
        ),
        Text(
            "Tighten the casing bolts crosswise in three steps to a final torque of 68 newton "
            "metres. Turn the shaft by hand: it must move freely and without scraping."
        ),
        Heading(2, "Intervals"),
        Grid(
            (
                ("Task", "AX-110", "AX-140"),
                ("Check for leakage", "weekly", "weekly"),
                ("Regrease bearings", "every 2,000 hours", "every 1,500 hours"),
                ("Replace mechanical seal", "every 16,000 hours", "every 12,000 hours"),
                ("Align coupling", "yearly", "every six months"),
            ),
            caption="Table 1: Service intervals by pump size",
        ),
        Heading(2, "Records"),
        Text(
            "The technician signs the service card and files it for seven years. Injuries are "
            "reported the same day to the occupational nurse, who keeps the medical record "
            "number MRN 00482917 of the incident register."
        ),
    ),
    running_head="Acme Industrial Supplies - Workshop procedure WP-031",
)

INVOICES = Sample(
    "acme/invoices-third-quarter.csv",
    (
        Grid(
            (
                ("Invoice", "Customer", "Item", "Amount USD", "Due", "Status"),
                ("2025-0711", "Harbor City Water", "AX-140 pump, two units", "18,420.00",
                 "2025-08-14", "paid"),
                ("2025-0718", "Millbrook Dairy", "AX-110 pump", "6,150.00", "2025-08-21", "paid"),
                ("2025-0802", "Lakeside Paper Mill", "seal kits, forty sets", "3,880.00",
                 "2025-09-05", "overdue"),
                ("2025-0815", "Harbor City Water", "service contract, one year", "9,600.00",
                 "2025-09-18", "paid"),
                ("2025-0903", "Orchard Valley Cannery", "AX-110 pump with baseplate", "7,245.00",
                 "2025-10-07", "open"),
                ("2025-0921", "Millbrook Dairy", "emergency repair, Sunday rate", "2,310.00",
                 "2025-10-24", "disputed"),
            )
        ),
    ),
)  # fmt: skip

BULLETIN = Sample(
    "acme/safety-bulletin.html",
    (
        Heading(1, "Safety Bulletin: Forklift Traffic in Hall 3"),
        Text(
            "On 12 May a forklift and a pallet truck touched at the crossing beside the paint "
            "booth. Nobody was hurt, but the mirror at the crossing had been taken down for "
            "cleaning."
        ),
        Heading(2, "What changes from now on"),
        Items(
            (
                "The speed limit for forklifts in Hall 3 is six kilometres an hour.",
                "Pedestrians use the yellow walkway along the east wall only.",
                "Blue warning lamps are switched on whenever a load is raised.",
            )
        ),
        Heading(2, "Who to ask"),
        Text(
            "The safety officer is in room 214 and answers at (937) 555-0177. Report near "
            "misses the same shift, even when nothing was damaged."
        ),
    ),
    unseen="var tracker = 'acme-intranet-analytics'; console.log(tracker);",
)

HANDOVER = Sample(
    "acme/shift-handover.txt",
    (
        Heading(1, "SHIFT HANDOVER, ASSEMBLY LINE 2"),
        Text(
            "The night shift finished thirty-one AX-110 pumps. Station four stood still for "
            "fifty minutes because the torque wrench lost its calibration; the spare wrench "
            "from the tool crib is in use until Thursday."
        ),
        Items(
            (
                "Low stock: only two boxes of coupling inserts size 95 are left.",
                "The crane in bay B must not lift more than 800 kilograms until it is inspected.",
                "The paint booth filter was changed at three in the morning.",
            )
        ),
        Text(
            "New temporary worker: Luis Ortega, born on 14 March 1984, Social Security number "
            "219-09-9999. Badge and locker are arranged; he reports to the day shift foreman."
        ),
    ),
)

TRAVEL = Sample(
    "acme/travel-policy.md",
    (
        Heading(1, "Travel Policy"),
        Text(
            "Employees travel in economy class. **Premium economy** is allowed on flights "
            "longer than seven hours when the manager agrees *before* the booking."
        ),
        Heading(2, "Meals and hotels"),
        Grid(
            (
                ("City group", "Hotel limit", "Meals a day"),
                ("A: New York, San Francisco", "$290", "$85"),
                ("B: other large cities", "$210", "$70"),
                ("C: everywhere else", "$150", "$55"),
            )
        ),
        Heading(2, "Claims"),
        Items(
            (
                "Hand in receipts within twenty-one days after the journey.",
                "Private cars are paid at 62 cents a mile.",
                "Claims without receipts are paid up to twenty-five dollars.",
            ),
            numbered=True,
        ),
        Text("Send claims to travel.desk@acme.example."),
    ),
)

ACME = Organisation(
    (SUPPLY, MAINTENANCE, INVOICES, BULLETIN, HANDOVER, TRAVEL),
    (
        Question("acme", "How much notice does it take to end the supply agreement for castings?",
                 "ninety days of written notice", SUPPLY.path, 3),
        Question("acme", "What does an AX-140 casing cost?", "$236.50", SUPPLY.path, 2),
        Question("acme", "On which day of the week are castings delivered to Dayton?",
                 "every Tuesday", SUPPLY.path, 1),
        Question("acme", "final torque of the pump casing bolts", "68 newton metres",
                 MAINTENANCE.path),
        Question("acme", "Which invoice to the paper mill is overdue?", "Lakeside Paper Mill",
                 INVOICES.path),
        Question("acme", "How fast may a forklift drive in Hall 3?", "six kilometres an hour",
                 BULLETIN.path),
        Question("acme", "How heavy a load may the crane in bay B lift?", "800 kilograms",
                 HANDOVER.path),
        Question("acme", "What is the mileage rate for a private car?", "62 cents a mile",
                 TRAVEL.path),
        Question("acme", "At what temperature are blood samples of the trial stored?",
                 "minus seventy"),
    ),
)  # fmt: skip
