"""SkySlope: the files of a transaction office (Listings/Sales "Files" API)."""
