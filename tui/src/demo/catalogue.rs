//! What is sold, to whom, and who works there.

/// A product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Product {
    /// Its number in stock.
    pub sku: &'static str,
    /// What people call it.
    pub name: &'static str,
    /// Its price in cents.
    pub cents: u64,
    /// How often it is bought beside the others.
    pub weight: u32,
    /// What the shelf holds.
    pub capacity: u32,
    /// At this many it is ordered again.
    pub reorder_point: u32,
    /// How long a delivery takes, in minutes.
    pub lead_minutes: u32,
}

const fn product(
    (sku, name): (&'static str, &'static str),
    (cents, weight): (u64, u32),
    (capacity, reorder_point, lead_minutes): (u32, u32, u32),
) -> Product {
    Product { sku, name, cents, weight, capacity, reorder_point, lead_minutes }
}

/// Everything that is sold.
pub const PRODUCTS: [Product; 18] = [
    product(("COF-1001", "Espresso beans 1 kg"), (2_490, 130), (900, 190, 540)),
    product(("COF-1002", "Filter coffee 500 g"), (1_290, 110), (800, 150, 540)),
    product(("TEA-1104", "Darjeeling first flush"), (1_890, 62), (420, 80, 600)),
    product(("MUG-2001", "Stoneware mug"), (1_650, 84), (560, 95, 480)),
    product(("MUG-2007", "Travel mug, steel"), (2_990, 58), (380, 70, 600)),
    product(("GRD-3001", "Hand grinder"), (7_900, 34), (220, 44, 720)),
    product(("GRD-3010", "Burr grinder, electric"), (18_900, 18), (120, 24, 900)),
    product(("ESP-4001", "Espresso machine, lever"), (64_900, 7), (48, 12, 1_200)),
    product(("ESP-4005", "Espresso machine, dual boiler"), (129_000, 4), (30, 9, 1_440)),
    product(("KET-5001", "Gooseneck kettle"), (8_900, 30), (200, 40, 720)),
    product(("SCL-5103", "Scale with timer"), (5_490, 36), (240, 46, 720)),
    product(("FLT-6001", "Paper filters, 100"), (690, 120), (900, 140, 420)),
    product(("FLT-6004", "Metal filter"), (2_290, 28), (180, 36, 600)),
    product(("MLK-7001", "Milk jug 600 ml"), (2_190, 40), (260, 50, 600)),
    product(("MLK-7009", "Milk frother"), (9_900, 20), (130, 27, 840)),
    product(("CLN-8001", "Descaler 1 l"), (1_190, 66), (460, 82, 480)),
    product(("CLN-8002", "Cleaning tablets"), (1_490, 48), (340, 62, 480)),
    product(("GFT-9001", "Gift card"), (5_000, 26), (400, 40, 240)),
];

/// Who buys.
pub const CUSTOMERS: [&str; 24] = [
    "A. Okafor",
    "B. Lindqvist",
    "C. Marchetti",
    "D. Nakamura",
    "E. Haddad",
    "F. Kowalska",
    "G. Moreau",
    "H. Silva",
    "I. Petrov",
    "J. Andersen",
    "K. Mbeki",
    "L. Fischer",
    "M. O'Neill",
    "N. Tanaka",
    "O. Garcia",
    "P. Nguyen",
    "R. Costa",
    "S. Virtanen",
    "T. Weber",
    "U. Rahman",
    "V. Dubois",
    "W. Jansen",
    "Y. Kim",
    "Z. Horvat",
];

/// Who may become a customer, and who gets invoices.
pub const COMPANIES: [&str; 20] = [
    "Harbour Hotel",
    "Corner Bakery",
    "Northside Offices",
    "Studio Lumen",
    "Café Meridian",
    "Alder & Sons",
    "Riverside Clinic",
    "Polaris Coworking",
    "Grand Theatre",
    "Bluebird Bistro",
    "Kestrel Airlines",
    "Old Mill Brewery",
    "City Library",
    "Violet Catering",
    "Summit Sports",
    "Ferry Terminal",
    "Orchard School",
    "Lantern Books",
    "Terrace Restaurant",
    "Juniper Spa",
];

/// Who sends bills.
pub const SUPPLIERS: [&str; 8] = [
    "Green Bean Imports",
    "Kiln Ceramics",
    "Northern Steel",
    "Paper & Pulp",
    "Swift Freight",
    "City Power",
    "Hillside Roasters",
    "Packaging Union",
];

/// A part of the company.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Department {
    /// What it is called.
    pub name: &'static str,
    /// How many people belong to it.
    pub headcount: u32,
    /// Tasks that one of them gets done on an ordinary day.
    pub tasks: u32,
}

/// All parts of the company.
pub const DEPARTMENTS: [Department; 6] = [
    Department { name: "Support", headcount: 14, tasks: 22 },
    Department { name: "Warehouse", headcount: 22, tasks: 36 },
    Department { name: "Sales", headcount: 11, tasks: 15 },
    Department { name: "Roastery", headcount: 9, tasks: 18 },
    Department { name: "Engineering", headcount: 12, tasks: 5 },
    Department { name: "Finance", headcount: 6, tasks: 12 },
];
