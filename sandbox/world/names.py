"""Invented names and places; any likeness to a person is chance."""

FIRST = (
    "Alma", "Aron", "Bela", "Birk", "Carla", "Cyrus", "Dalia", "Dario", "Edda", "Elias", "Fenja",
    "Felix", "Greta", "Gustav", "Hanna", "Hugo", "Ida", "Ivo", "Jana", "Jonas", "Kaia", "Kian",
    "Lara", "Levi", "Mara", "Milo", "Nela", "Noel", "Olga", "Otis", "Petra", "Paul", "Quinn",
    "Rhea", "Remo", "Selma", "Silas", "Tara", "Theo", "Uma", "Vera", "Viggo", "Wanda", "Xenia",
    "Yara", "Yann", "Zoe", "Zeno",
)  # fmt: skip
LAST = (
    "Abelson", "Barlow", "Cardell", "Dorsey", "Ekman", "Farrow", "Grundy", "Harlan", "Ingram",
    "Jessup", "Kestrel", "Lindqvist", "Marlow", "Norden", "Oakes", "Pemberton", "Quill", "Rennick",
    "Sorrel", "Thackeray", "Underhill", "Vesper", "Winslow", "Yarrow", "Zeller", "Ashdown",
    "Birkett", "Coldwell", "Drummond", "Easton", "Fallow", "Gantry",
)  # fmt: skip
# (first, last): the casings and letters that break naive code
ODD = (
    ("DELIA", "DOE"),
    ("Maeve", "O'Sample"),
    ("Zoë", "Núñez-Example"),
    ("Sunny ☀️", "Placeholder"),
    ("  Trim ", "Spaced"),
    ("Null", "Null"),
)
STREETS = (
    "Example Street", "Sample Avenue", "Placeholder Road", "Test Lane", "Fixture Drive",
    "Demo Court", "Mock Way", "Model Terrace", "Specimen Place", "Template Boulevard",
)  # fmt: skip
# city, state, short state, zip, county, country
PLACES = (
    ("Provo", "UTAH", "UT", "84601", "UTAH COUNTY", "UNITED_STATES"),
    ("Ogden", "UTAH", "UT", "84401", "WEBER COUNTY", "UNITED_STATES"),
    ("Albany", "NEW_YORK", "NY", "12207", "ALBANY COUNTY", "UNITED_STATES"),
    ("Denver", "COLORADO", "CO", "80202", "DENVER COUNTY", "UNITED_STATES"),
    ("Tampa", "FLORIDA", "FL", "33602", "HILLSBOROUGH COUNTY", "UNITED_STATES"),
    ("Austin", "TEXAS", "TX", "78701", "TRAVIS COUNTY", "UNITED_STATES"),
)
CANADIAN = ("Toronto", "ONTARIO", "ON", "M5H 2N2", "TORONTO", "CANADA")
COMPANIES = ("Example Title LLC", "Sample Escrow Inc", "Placeholder Lending", "Fixture Law Group")
LEAD_SOURCES = ("Sphere", "Open house", "Website", "Past client", "Paid lead")
