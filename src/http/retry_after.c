#include "http/retry_after.h"

#include <stddef.h>
#include "base/ascii.h"
#include "base/hidden.h"

struct date {
  int year, month, day; /* month from 1 */
  int hour, minute, second;
};

/* --- HTTP-date: RFC 9110 5.6.7 --- */

/* Takes n digits; -1: there are not as many. padded: the first may be a space, as
** asctime writes a day. */
static int take_number (struct wsm_span *s, size_t n, bool padded) {
  int value = 0;
  size_t i;
  if (s->length < n) return -1;
  for (i = 0; i < n; i++) {
    if (padded && i == 0 && s->text[0] == ' ') continue;
    if (!wsm_is_digit(s->text[i])) return -1;
    value = value * 10 + (s->text[i] - '0');
  }
  s->text += n;
  s->length -= n;
  return value;
}

static bool take (struct wsm_span *s, const char *text) {
  for (; *text; text++, s->text++, s->length--)
    if (s->length == 0 || *s->text != *text) return false;
  return true;
}

static int take_month (struct wsm_span *s) {
  static const char *const names[] = {
    "Jan", "Feb", "Mar", "Apr", "May", "Jun",
    "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"
  };
  int i;
  for (i = 0; i < 12; i++) {
    struct wsm_span rest = *s;
    if (!take(&rest, names[i])) continue;
    *s = rest;
    return i + 1;
  }
  return -1;
}

static bool take_time (struct wsm_span *s, struct date *d) {
  d->hour = take_number(s, 2, false);
  if (!take(s, ":")) return false;
  d->minute = take_number(s, 2, false);
  if (!take(s, ":")) return false;
  d->second = take_number(s, 2, false);
  return true;
}

static bool leap (int year) {
  return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int days_in (int month, int year) {
  static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
  return days[month - 1] + (month == 2 && leap(year) ? 1 : 0);
}

static bool is_date (const struct date *d) {
  return d->year >= 1601 && d->month >= 1 && d->day >= 1 &&
         d->day <= days_in(d->month, d->year) && d->hour >= 0 &&
         d->hour <= 23 && d->minute >= 0 && d->minute <= 59 && d->second >= 0 &&
         d->second <= 60;
}

/* The year starts in March here, so that a leap day is its last. */
static int64_t seconds_of (const struct date *d) {
  const int64_t year = d->month > 2 ? d->year : d->year - 1;
  const int64_t month = d->month > 2 ? d->month - 3 : d->month + 9;
  const int64_t days = year * 365 + year / 4 - year / 100 + year / 400 +
                       (month * 153 + 2) / 5 + d->day - 1 - 719468;
  return ((days * 24 + d->hour) * 60 + d->minute) * 60 + d->second;
}

/* "06 Nov 1994 08:49:37 GMT" */
static bool take_fixed (struct wsm_span s, struct date *d) {
  d->day = take_number(&s, 2, false);
  if (!take(&s, " ")) return false;
  d->month = take_month(&s);
  if (!take(&s, " ")) return false;
  d->year = take_number(&s, 4, false);
  return take(&s, " ") && take_time(&s, d) && take(&s, " GMT") && s.length == 0;
}

/* Dates have four digits. */
static int year_of (int64_t s) {
  if (s < 0) return 1970;
  if (s > 253402300799) return 9999;
  return (int)(1970 + s / 31556952);
}

/* RFC 9110 5.6.7: more than 50 years ahead means the past century. */
static int full_year (int two, int64_t now_s) {
  const int now = year_of(now_s);
  const int year = now - now % 100 + two;
  if (year > now + 50) return year - 100;
  return year + 100 <= now + 50 ? year + 100 : year;
}

/* "06-Nov-94 08:49:37 GMT" */
static bool take_rfc850 (struct wsm_span s, struct date *d, int64_t now_s) {
  d->day = take_number(&s, 2, false);
  if (!take(&s, "-")) return false;
  d->month = take_month(&s);
  if (!take(&s, "-")) return false;
  d->year = take_number(&s, 2, false);
  if (d->year >= 0) d->year = full_year(d->year, now_s);
  return take(&s, " ") && take_time(&s, d) && take(&s, " GMT") && s.length == 0;
}

/* "Nov  6 08:49:37 1994" */
static bool take_asctime (struct wsm_span s, struct date *d) {
  d->month = take_month(&s);
  if (!take(&s, " ")) return false;
  d->day = take_number(&s, 2, true);
  if (!take(&s, " ") || !take_time(&s, d) || !take(&s, " ")) return false;
  d->year = take_number(&s, 4, false);
  return s.length == 0;
}

/* The name of the day is skipped. */
bool wsm_date_parse (struct wsm_span text, int64_t now_s, int64_t *date_s) {
  struct wsm_span s = wsm_span_trim(text);
  struct date d;
  size_t letters = 0;
  bool taken;
  while (s.length > 0 && wsm_is_letter(*s.text))
    s.text++, s.length--, letters++;
  if (letters < 3) return false;
  if (take(&s, ", "))
    taken = s.length > 2 && s.text[2] == '-' ? take_rfc850(s, &d, now_s)
                                             : take_fixed(s, &d);
  else taken = take(&s, " ") && take_asctime(s, &d);
  if (!taken || !is_date(&d)) return false;
  *date_s = seconds_of(&d);
  return true;
}

/* --- Retry-After: RFC 9110 10.2.3 --- */

int64_t wsm_retry_after (struct wsm_span value, int64_t now_s,
                         int64_t limit_s) {
  const struct wsm_span s = wsm_span_trim(value);
  int64_t wait = 0;
  size_t i = 0;
  for (; i < s.length && wsm_is_digit(s.text[i]); i++)
    if (wait < limit_s) wait = wait * 10 + (s.text[i] - '0');
  if (i == 0 || i < s.length) {
    if (!wsm_date_parse(s, now_s, &wait)) return -1;
    wait = wait > now_s ? wait - now_s : 0;
  }
  return wait < limit_s ? wait : limit_s;
}
