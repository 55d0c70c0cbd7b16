// Losses and accuracies: each is the mean of values of elements (losses-elements.h) or of rows (losses-rows.h), summed in the
// order of a sum whatever the number of threads; and the losses' derivatives.
#pragma once

#define LANEWISE_PAIR "y:w:T:1 p:r:T:n t:r:T:n | n"
#define LANEWISE_PAIR_GRAD "dp:w:T:n dy:r:T:1 p:i:T:n t:i:T:n | n"
#define LANEWISE_LOSSES_OPS(OP) \
  OP(meanSquaredError, LANEWISE_PAIR) \
  OP(meanSquaredErrorGrad, LANEWISE_PAIR_GRAD) \
  OP(binaryCrossEntropy, LANEWISE_PAIR) \
  OP(binaryCrossEntropyGrad, LANEWISE_PAIR_GRAD) \
  OP(binaryCrossEntropyLogits, "y:w:T:1 x:r:T:n t:r:T:n | n") \
  OP(binaryCrossEntropyLogitsGrad, "dx:w:T:n dy:r:T:1 x:i:T:n t:i:T:n | n") \
  OP(crossEntropy, "y:w:T:1 p:r:T:m*n t:r:L:m | m n") \
  OP(crossEntropyGrad, "dp:w:T:m*n dy:r:T:1 p:i:T:m*n t:r:L:m | m n") \
  OP(crossEntropyDense, "y:w:T:1 p:r:T:m*n t:r:T:m*n | m n") \
  OP(crossEntropyDenseGrad, "dp:w:T:m*n dy:r:T:1 p:i:T:m*n t:i:T:m*n | m n") \
  OP(softmaxCrossEntropy, "y:w:T:1 p:w:T:m*n x:r:T:m*n t:r:L:m | m n") \
  OP(softmaxCrossEntropyGrad, "dx:w:T:m*n dy:r:T:1 p:i:T:m*n t:r:L:m | m n") \
  OP(softmaxCrossEntropyDense, "y:w:T:1 p:w:T:m*n x:r:T:m*n t:r:T:m*n | m n") \
  OP(softmaxCrossEntropyDenseGrad, "dx:w:T:m*n dy:r:T:1 p:i:T:m*n t:r:T:m*n | m n") \
  OP(accuracy, "y:w:T:1 p:r:T:m*n t:r:L:m | m n") \
  OP(accuracyDense, "y:w:T:1 p:r:T:m*n t:r:T:m*n | m n") \
  OP(binaryAccuracy, LANEWISE_PAIR " threshold:d")

#ifdef LANEWISE_KERNELS
#include "losses-elements.h"
#include "losses-rows.h"

namespace lanewise {
namespace LANEWISE_ISA {
namespace op {

template <class V> struct meanSquaredError : losses::MeanOfElements<V, losses::SquaredError> {};
template <class V> struct meanSquaredErrorGrad : losses::GradOfElements<V, losses::SquaredErrorGrad> {};
template <class V> struct binaryCrossEntropy : losses::MeanOfElements<V, losses::BinaryCrossEntropy> {};
template <class V> struct binaryCrossEntropyGrad : losses::GradOfElements<V, losses::BinaryCrossEntropyGrad> {};
template <class V> struct binaryCrossEntropyLogits : losses::MeanOfElements<V, losses::BinaryCrossEntropyLogits> {};
template <class V> struct binaryCrossEntropyLogitsGrad : losses::GradOfElements<V, losses::BinaryCrossEntropyLogitsGrad> {};
template <class V> struct crossEntropy : losses::MeanOfRows<V, losses::CrossEntropy> {};
template <class V> struct crossEntropyGrad : losses::GradOfRows<V, losses::CrossEntropyGrad> {};
template <class V> struct crossEntropyDense : losses::MeanOfRows<V, losses::CrossEntropyDense> {};
template <class V> struct crossEntropyDenseGrad : losses::GradOfElements<V, losses::CrossEntropyDenseGrad> {};
template <class V> struct softmaxCrossEntropy : losses::MeanOfRows<V, losses::LabelLoss> {};
template <class V> struct softmaxCrossEntropyGrad : losses::SoftmaxCrossEntropyGrad<V> {};
template <class V> struct softmaxCrossEntropyDense : losses::MeanOfRows<V, losses::DenseLoss> {};
template <class V> struct softmaxCrossEntropyDenseGrad : losses::GradOfRows<V, losses::SoftmaxCrossEntropyDenseGrad> {};
template <class V> struct accuracy : losses::MeanOfRows<V, losses::Accuracy> {};
template <class V> struct accuracyDense : losses::MeanOfRows<V, losses::AccuracyDense> {};
template <class V> struct binaryAccuracy : losses::MeanOfElements<V, losses::BinaryAccuracy> {};

}  // namespace op
}  // namespace LANEWISE_ISA
}  // namespace lanewise
#endif
