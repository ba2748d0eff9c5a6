#include "http/date.h"

#include <string.h>
#include "base/hidden.h"

#define DAY_S 86400
#define LAST_S INT64_C(253402300799) /* the end of 9999 */

/* n as two digits. */
static void put (char *to, int64_t n) {
  to[0] = (char)('0' + n / 10 % 10);
  to[1] = (char)('0' + n % 10);
}

static void put_time (char *to, int64_t second) {
  put(to, second / 3600);
  put(to + 3, second / 60 % 60);
  put(to + 6, second % 60);
}

/* The year starts in March here, and an era has 400 years (146,097 days), so that
** the leap day is the last of both. */
static void put_day (char *to, int64_t days) {
  static const char months[] = "MarAprMayJunJulAugSepOctNovDecJanFeb";
  const int64_t all = days + 719468, era = all / 146097, d = all % 146097;
  const int64_t y = (d - d / 1460 + d / 36524 - d / 146096) / 365;
  const int64_t of_year = d - (y * 365 + y / 4 - y / 100);
  const int64_t month = (of_year * 5 + 2) / 153;
  const int64_t year = era * 400 + y + (month >= 10 ? 1 : 0);
  put(to, of_year - (month * 153 + 2) / 5 + 1);
  memcpy(to + 3, months + month * 3, 3);
  put(to + 7, year / 100);
  put(to + 9, year % 100);
}

void wsm_date_write (char to[WSM_DATE_SIZE], int64_t date_s) {
  static const char names[] = "ThuFriSatSunMonTueWed"; /* 1970 began so */
  int64_t days;
  if (date_s < 0) date_s = 0;
  if (date_s > LAST_S) date_s = LAST_S;
  days = date_s / DAY_S;
  memcpy(to, "Thu, 01 Jan 1970 00:00:00 GMT", WSM_DATE_SIZE);
  memcpy(to, names + days % 7 * 3, 3);
  put_day(to + 5, days);
  put_time(to + 17, date_s % DAY_S);
}
