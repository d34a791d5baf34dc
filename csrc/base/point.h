/* The C library writes numbers with the decimal point of the locale that a host has set. */
#ifndef LSQ_BASE_POINT_H
#define LSQ_BASE_POINT_H

enum { LSQ_POINT_SIZE = 64 }; /* bytes of a number's text, at most */

/* In the text of one number whatever stands for its decimal point becomes a point. */
void lsq_point(char *text);

/* The number with so many significant digits and a point, in `text`, which is returned. */
const char *lsq_number_text(double value, int digits, char text[LSQ_POINT_SIZE]);

#endif
