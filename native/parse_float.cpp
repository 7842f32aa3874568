// Nearly always by one product or quotient of doubles.
//
// The standard library has std::from_chars for this, but not everywhere: libc++ lacked it for floats until recently.
#include "parse_float.h"

#include <cmath>
#include <cstdint>
#include <limits>
#include <locale>
#include <sstream>
#include <string>

namespace slidelearn {

namespace {

constexpr int kMaxPower = 39;
constexpr double kPowersOfTen[kMaxPower + 1] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,
                                                1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19,
                                                1e20, 1e21, 1e22, 1e23, 1e24, 1e25, 1e26, 1e27, 1e28, 1e29,
                                                1e30, 1e31, 1e32, 1e33, 1e34, 1e35, 1e36, 1e37, 1e38, 1e39};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Any length, any exponent: the standard library's conversion, which is slow because of the locale.
float convert_slowly(const char* begin, const char* end) {
    std::istringstream stream(std::string(begin, end));
    stream.imbue(std::locale::classic());
    float value = 0;
    stream >> value;
    const bool too_large = stream.fail() && std::fabs(value) > 1;  // a failure near 0 is only an underflow
    return too_large ? std::copysign(std::numeric_limits<float>::infinity(), value) : value;
}

}  // namespace

const char* parse_float(const char* begin, const char* end, float& value) {
    const char* p = begin;
    const bool negative = p < end && *p == '-';
    if (p < end && (*p == '-' || *p == '+')) ++p;

    constexpr uint64_t kRoomForADigit = 1000000000000000000;  // 10^18: below it, one more digit fits 64 bits
    uint64_t digits = 0;
    int64_t exponent = 0;
    bool found_digit = false;
    const auto take_digits = [&](bool after_point) {
        for (; p < end && is_digit(*p); ++p) {
            found_digit = true;
            if (digits < kRoomForADigit) {
                digits = digits * 10 + static_cast<uint64_t>(*p - '0');
                exponent -= after_point;
            } else {
                exponent += !after_point;
            }
        }
    };
    take_digits(false);
    if (p < end && *p == '.') {
        ++p;
        take_digits(true);
    }
    if (!found_digit) return nullptr;
    if (p < end && (*p == 'e' || *p == 'E')) {
        ++p;
        const bool shrinks = p < end && *p == '-';
        if (p < end && (*p == '-' || *p == '+')) ++p;
        if (p == end || !is_digit(*p)) return nullptr;
        int64_t power = 0;
        for (; p < end && is_digit(*p); ++p) {
            if (power < 1000000) power = power * 10 + (*p - '0');
        }
        exponent += shrinks ? -power : power;
    }

    if (digits == 0) {
        value = negative ? -0.0f : 0.0f;
        return p;
    }
    if (exponent >= -kMaxPower && exponent <= kMaxPower) {
        const double scale = kPowersOfTen[exponent < 0 ? -exponent : exponent];
        const double magnitude =
            exponent < 0 ? static_cast<double>(digits) / scale : static_cast<double>(digits) * scale;
        // The digits, their scale and this operation are each off by at most 2^-53 of the value, dropped digits by
        // less. So where both ends of a margin of 2^-50 round to the same float, it is the nearest one.
        constexpr double kMargin = 1.0 / (1ull << 50);
        if (magnitude < 3e38) {
            const float low = static_cast<float>(magnitude * (1 - kMargin));
            if (low == static_cast<float>(magnitude * (1 + kMargin))) {
                value = negative ? -low : low;
                return p;
            }
        }
    }
    value = convert_slowly(begin, p);
    return p;
}

}  // namespace slidelearn
