// The table of contents of the native module. Each family of verbs is bound in a file of its own, which holds shapes,
// dtypes, the GIL and errors, and no logic.
#include "common.h"

namespace slidelearn {

void bind_isa(nb::module_& m);
void bind_data(nb::module_& m);
void bind_dense(nb::module_& m);
void bind_layers(nb::module_& m);
void bind_active(nb::module_& m);
void bind_answers(nb::module_& m);
void bind_lsh(nb::module_& m);
void bind_ceilings(nb::module_& m);
void bind_classifiers(nb::module_& m);
void bind_neighbours(nb::module_& m);
void bind_ranking(nb::module_& m);

}  // namespace slidelearn

NB_MODULE(_native, m) {
    m.doc() = "Batch-sized verbs over arrays; slidelearn.kernels.reference has the same ones in NumPy.";
    slidelearn::bind_isa(m);
    slidelearn::bind_data(m);
    slidelearn::bind_dense(m);
    slidelearn::bind_layers(m);
    slidelearn::bind_active(m);
    slidelearn::bind_answers(m);
    slidelearn::bind_lsh(m);
    slidelearn::bind_ceilings(m);
    slidelearn::bind_classifiers(m);
    slidelearn::bind_neighbours(m);
    slidelearn::bind_ranking(m);
}
