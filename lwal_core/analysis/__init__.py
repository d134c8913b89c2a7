"""Pure functions on arrays that read meaning out of label vectors: projections, trees and how far they agree, speed."""
