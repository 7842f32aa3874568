// Decimal text to the nearest float, after Clinger (1990).
#pragma once

namespace slidelearn {

// Reads the decimal number at the front of [begin, end): digits with at most one point, a sign and an exponent allowed.
// Returns where it stopped, or null if no number stands there; `value` is the nearest float, infinite if too large.
// The same in every locale. Names such as "nan" and "inf" are no numbers here.
const char* parse_float(const char* begin, const char* end, float& value);

}  // namespace slidelearn
