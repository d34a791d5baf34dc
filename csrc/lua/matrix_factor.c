/*** Factorisations and linear systems. Where an entry is nan or infinite they return
`nil, message, "non_finite"`, naming its row and column; where a size is beyond LAPACK's 32-bit
integers, `nil, message, "too_large"`.
@submodule matrix
*/
#include "base/threads.h"
#include "linalg/elementwise.h"
#include "linalg/linalg.h"
#include "lua/matrix.h"

/* Runs one call below the glue under this state's thread count. */
#define RUN(status, call)                                                                          \
  do {                                                                                             \
    const int before = lsq_lua_enter(L);                                                           \
    status = (call);                                                                               \
    lsq_threads_leave(before);                                                                     \
  } while (0)

static void check_right_hand_side(lua_State *L, const lsq_matrix *m, const lsq_matrix *b) {
  if (b->rows == m->rows)
    return;
  lua_pushfstring(L, "%I rows expected to match the %I x %I matrix, got %I x %I",
                  (LUAI_UACINT)m->rows, (LUAI_UACINT)m->rows, (LUAI_UACINT)m->cols,
                  (LUAI_UACINT)b->rows, (LUAI_UACINT)b->cols);
  luaL_argerror(L, 2, lua_tostring(L, -1));
}

static double check_rcond(lua_State *L, int arg, const lsq_matrix *m) {
  const double rcond = luaL_optnumber(L, arg, lsq_default_rcond(m->rows, m->cols));
  luaL_argcheck(L, rcond >= 0 && rcond < 1, arg, "rcond from 0 to less than 1 expected");
  return rcond;
}

/*** Solves m x = b by LU factorisation with partial pivoting. Of a matrix that is singular, or
singular but for rounding, `lstsq` gives the solution of minimum norm.
@function matrix:solve
@tparam matrix b n x k, for m n x n
@treturn[1] matrix x n x k
@treturn[2] nil
@treturn[2] string message
@treturn[2] string "singular" when the reciprocal condition number (1-norm, LAPACK's dgecon) is
below 2^-52 or the solution overflows; where a pivot is exactly 0 the message says which;
"non_finite", "too_large"
@raise when m is not square or b has another number of rows
*/
static int solve(lua_State *L) {
  const lsq_matrix *m = lsq_lua_check_matrix(L, 1), *b = lsq_lua_check_matrix(L, 2);
  lsq_error error;
  lsq_status status;
  lsq_lua_require_square(L, m);
  check_right_hand_side(L, m, b);
  const lsq_matrix *x = lsq_lua_new_matrix(L, b->rows, b->cols);
  void *workspace = lsq_lua_block(L, lsq_solve_workspace(b->rows, b->cols));
  lsq_matrix_copy(b, x);
  RUN(status, lsq_solve(m, x, workspace, &error));
  if (status != LSQ_OK)
    return lsq_lua_failure(L, &error);
  lua_pop(L, 1);
  return 1;
}

/*** Least squares: the x of minimum norm among those that minimise |m x - b|, by the singular value
decomposition. Any shape and rank.
@function matrix:lstsq
@tparam matrix b rows x k
@tparam[opt] number rcond singular values at most rcond times the largest count as zero; by default
max(rows, cols) 2^-52
@treturn[1] matrix x cols x k
@treturn[1] int rank
@treturn[2] nil
@treturn[2] string message
@treturn[2] string "non_finite", "no_convergence", "too_large"
@raise when b has another number of rows
*/
static int lstsq(lua_State *L) {
  const lsq_matrix *m = lsq_lua_check_matrix(L, 1), *b = lsq_lua_check_matrix(L, 2);
  lsq_error error;
  lsq_status status;
  size_t rank;
  check_right_hand_side(L, m, b);
  const double rcond = check_rcond(L, 3, m);
  const lsq_matrix *x = lsq_lua_new_matrix(L, m->cols, b->cols);
  void *workspace = lsq_lua_block(L, lsq_least_squares_workspace(m->rows, m->cols, b->cols));
  RUN(status, lsq_least_squares(m, b, rcond, x, &rank, workspace, &error));
  if (status != LSQ_OK)
    return lsq_lua_failure(L, &error);
  lua_pop(L, 1);
  lua_pushinteger(L, (lua_Integer)rank);
  return 2;
}

/*** The Moore-Penrose pseudoinverse.
@function matrix:pinv
@tparam[opt] number rcond singular values at most rcond times the largest count as zero; by default
max(rows, cols) 2^-52
@treturn[1] matrix cols x rows
@treturn[2] nil
@treturn[2] string message
@treturn[2] string "non_finite", "no_convergence", "too_large"
*/
static int pinv(lua_State *L) {
  const lsq_matrix *m = lsq_lua_check_matrix(L, 1);
  lsq_error error;
  lsq_status status;
  const double rcond = check_rcond(L, 2, m);
  const lsq_matrix *out = lsq_lua_new_matrix(L, m->cols, m->rows);
  void *workspace = lsq_lua_block(L, lsq_pseudoinverse_workspace(m->rows, m->cols));
  RUN(status, lsq_pseudoinverse(m, rcond, out, workspace, &error));
  if (status != LSQ_OK)
    return lsq_lua_failure(L, &error);
  lua_pop(L, 1);
  return 1;
}

/*** The thin singular value decomposition m = u diag(s) v', k = min(rows, cols).
@function matrix:svd
@treturn[1] matrix u rows x k, orthonormal columns
@treturn[1] matrix s k x 1, descending
@treturn[1] matrix v cols x k, orthonormal columns
@treturn[2] nil
@treturn[2] string message
@treturn[2] string "non_finite", "no_convergence", "too_large"
*/
static int svd(lua_State *L) {
  const lsq_matrix *m = lsq_lua_check_matrix(L, 1);
  const size_t k = lsq_size_min(m->rows, m->cols);
  lsq_error error;
  lsq_status status;
  const lsq_matrix *u = lsq_lua_new_matrix(L, m->rows, k);
  const lsq_matrix *s = lsq_lua_new_matrix(L, k, 1);
  const lsq_matrix *v = lsq_lua_new_matrix(L, m->cols, k);
  void *workspace = lsq_lua_block(L, lsq_svd_workspace(m->rows, m->cols));
  RUN(status, lsq_svd(m, u, s->data, v, workspace, &error));
  if (status != LSQ_OK)
    return lsq_lua_failure(L, &error);
  lua_pop(L, 1);
  return 3;
}

/*** The thin factorisation m = q r by Householder reflections, k = min(rows, cols). The diagonal of
r may be negative.
@function matrix:qr
@treturn[1] matrix q rows x k, orthonormal columns
@treturn[1] matrix r k x cols, upper triangular
@treturn[2] nil
@treturn[2] string message
@treturn[2] string "non_finite", "too_large"
*/
static int qr(lua_State *L) {
  const lsq_matrix *m = lsq_lua_check_matrix(L, 1);
  const size_t k = lsq_size_min(m->rows, m->cols);
  lsq_error error;
  lsq_status status;
  const lsq_matrix *q = lsq_lua_new_matrix(L, m->rows, k);
  const lsq_matrix *r = lsq_lua_new_matrix(L, k, m->cols);
  void *workspace = lsq_lua_block(L, lsq_qr_workspace(m->rows, m->cols));
  RUN(status, lsq_qr(m, q, r, workspace, &error));
  if (status != LSQ_OK)
    return lsq_lua_failure(L, &error);
  lua_pop(L, 1);
  return 2;
}

/*** The lower Cholesky factor l of a symmetric positive definite matrix, m = l l'. Only the lower
triangle is read; what is above is taken to mirror it.
@function matrix:cholesky
@treturn[1] matrix l n x n, zeros above the diagonal
@treturn[2] nil
@treturn[2] string message
@treturn[2] string "not_positive_definite", "non_finite" (above the diagonal too), "too_large"
@raise when m is not square
*/
static int cholesky(lua_State *L) {
  const lsq_matrix *m = lsq_lua_check_matrix(L, 1);
  lsq_error error;
  lsq_status status;
  lsq_lua_require_square(L, m);
  const lsq_matrix *factor = lsq_lua_new_matrix(L, m->rows, m->cols);
  if (lsq_require_finite(m, "the matrix", &error) != LSQ_OK)
    return lsq_lua_failure(L, &error);
  lsq_matrix_copy(m, factor);
  RUN(status, lsq_cholesky(factor, &error));
  if (status != LSQ_OK)
    return lsq_lua_failure(L, &error);
  lsq_clear_above_diagonal(factor);
  return 1;
}

/*** The eigenvalues and eigenvectors of a symmetric matrix. Only the lower triangle is read; what
is above is taken to mirror it.
@function matrix:eigh
@treturn[1] matrix values n x 1, ascending
@treturn[1] matrix vectors n x n, orthonormal columns in the order of the values
@treturn[2] nil
@treturn[2] string message
@treturn[2] string "non_finite" (above the diagonal too), "no_convergence", "too_large"
@raise when m is not square
*/
static int eigh(lua_State *L) {
  const lsq_matrix *m = lsq_lua_check_matrix(L, 1);
  lsq_error error;
  lsq_status status;
  lsq_lua_require_square(L, m);
  const lsq_matrix *values = lsq_lua_new_matrix(L, m->rows, 1);
  const lsq_matrix *vectors = lsq_lua_new_matrix(L, m->rows, m->cols);
  void *workspace = lsq_lua_block(L, lsq_eigh_workspace(m->rows, true));
  if (lsq_require_finite(m, "the matrix", &error) != LSQ_OK)
    return lsq_lua_failure(L, &error);
  lsq_matrix_copy(m, vectors);
  RUN(status, lsq_eigh(vectors, values->data, true, workspace, &error));
  if (status != LSQ_OK)
    return lsq_lua_failure(L, &error);
  lua_pop(L, 1);
  return 2;
}

/*** The logarithm of the absolute determinant, and its sign; 0 and 1 for an empty matrix, -inf and
0 for a singular one: where the reciprocal condition number, rows and columns scaled by powers of
two, is below 2^-52, and the sign would be that of rounding errors.
@function matrix:logdet
@treturn[1] number log|det m|
@treturn[1] int sign -1, 0 or 1
@treturn[2] nil
@treturn[2] string message
@treturn[2] string "non_finite", "too_large"
@raise when m is not square
*/
static int logdet(lua_State *L) {
  const lsq_matrix *m = lsq_lua_check_matrix(L, 1);
  double logarithm;
  int sign;
  lsq_error error;
  lsq_status status;
  lsq_lua_require_square(L, m);
  void *workspace = lsq_lua_block(L, lsq_log_determinant_workspace(m->rows));
  RUN(status, lsq_log_determinant(m, &logarithm, &sign, workspace, &error));
  if (status != LSQ_OK)
    return lsq_lua_failure(L, &error);
  lua_pushnumber(L, logarithm);
  lua_pushinteger(L, sign);
  return 2;
}

/* Pushes nothing that the caller needs; *values has min(rows, cols) entries. */
static lsq_status singular_values(lua_State *L, const lsq_matrix *m, double **values,
                                  lsq_error *error) {
  lsq_status status;
  const size_t k = lsq_size_min(m->rows, m->cols);
  *values = lsq_lua_block(L, lsq_size_multiply(k, sizeof **values));
  void *workspace = lsq_lua_block(L, lsq_singular_values_workspace(m->rows, m->cols));
  RUN(status, lsq_singular_values(m, *values, workspace, error));
  return status;
}

/*** The 2-norm condition number: the largest singular value over the smallest; inf for a matrix
that lacks full rank, 0 for an empty one.
@function matrix:cond
@treturn[1] number
@treturn[2] nil
@treturn[2] string message
@treturn[2] string "non_finite", "no_convergence", "too_large"
*/
static int cond(lua_State *L) {
  const lsq_matrix *m = lsq_lua_check_matrix(L, 1);
  double *values;
  lsq_error error;
  if (singular_values(L, m, &values, &error) != LSQ_OK)
    return lsq_lua_failure(L, &error);
  lua_pushnumber(L, lsq_condition_number(values, lsq_size_min(m->rows, m->cols)));
  return 1;
}

/*** The numerical rank: how many singular values are above rcond times the largest.
@function matrix:rank
@tparam[opt] number rcond by default max(rows, cols) 2^-52
@treturn[1] int
@treturn[2] nil
@treturn[2] string message
@treturn[2] string "non_finite", "no_convergence", "too_large"
*/
static int rank(lua_State *L) {
  const lsq_matrix *m = lsq_lua_check_matrix(L, 1);
  const size_t k = lsq_size_min(m->rows, m->cols);
  const double rcond = check_rcond(L, 2, m);
  double *values;
  lsq_error error;
  if (singular_values(L, m, &values, &error) != LSQ_OK)
    return lsq_lua_failure(L, &error);
  lua_pushinteger(L, (lua_Integer)lsq_numerical_rank(values, k, rcond));
  return 1;
}

const luaL_Reg lsq_lua_matrix_factorisations[] = {
    {"solve", solve}, {"lstsq", lstsq},       {"pinv", pinv}, {"svd", svd},
    {"qr", qr},       {"cholesky", cholesky}, {"eigh", eigh}, {"logdet", logdet},
    {"cond", cond},   {"rank", rank},         {NULL, NULL}};
